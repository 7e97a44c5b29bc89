"""A simulator of the Chanjet T+ OpenAPI, written from the protocol alone."""
