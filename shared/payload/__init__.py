"""From a body to parameters: decoding, mapping and the rules for what comes out."""
