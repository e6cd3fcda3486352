"""Every private name of aiokafka that the service touches, behind functions that say what for.

Each is needed because of a defect of version 0.14, or because there is no public way. A start-up test refuses a
version in which one of them is missing.
"""
