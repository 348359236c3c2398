"""The services that are called: CCC, KMS and OSS, over one transport and within the deadline."""
