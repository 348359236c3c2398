"""What `make audit` checks of the supply chain: known vulnerabilities, licences, and secrets committed by mistake.

pip-audit, pip-licenses and detect-secrets do the checks. This package tells them what to look at, and ours from theirs.
"""
