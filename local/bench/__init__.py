"""Benchmarks, side by side with their baselines in one run: figures are ratios first."""
