"""A small network of our own, and music for it: to see and hear this service with no network.

It writes with the codecs that the rest reads with, so it proves nothing: that is for the world in
tests/network, which shares no code with the product.
"""
