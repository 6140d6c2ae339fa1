"""The lock of the ABI: what the library promised to those who were compiled against it.

`spec/api.lock.json` has every function, struct, number and default of the C interface. What the
spec says now is compared with it, item by item, and each difference is called additive or breaking.
"""
