"""The demo's own error."""

from __future__ import annotations


class DemoFailed(Exception):  # a command's own error, outside the service's tree
    """Something that the demo needs did not start, or ended by itself; the message says what."""
