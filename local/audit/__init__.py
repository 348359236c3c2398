"""What `make audit` checks of the supply chain: known vulnerabilities, licences, and secrets committed by mistake.

Each check is told in a line, each finding in one of its own. What could not be checked is said so, and never passes for
checked.
"""
