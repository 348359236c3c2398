"""The checks of `make audit`: known vulnerabilities, licences, and secrets committed by mistake.

pip-audit, pip-licenses and detect-secrets do the checks. This package tells them which files to check, and reports the
results.
"""
