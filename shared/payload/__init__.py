"""From a body to parameters: decoding, mapping, and the rules of parameters."""
