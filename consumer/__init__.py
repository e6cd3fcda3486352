"""Turns Kafka events into Palantir Foundry ontology actions, and loses none. Start reading at `pipeline.py`."""
