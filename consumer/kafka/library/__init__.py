"""Every private name of the client library that the service touches, behind functions that say what for.

Each is there for a defect of version 0.14, or for something that it has no public way to ask. A start-up test refuses a
version where one of them is gone.
"""
