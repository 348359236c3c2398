"""`make demo` and `make run`: the function, its counterpart and the simulator on this machine."""
