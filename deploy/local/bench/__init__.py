"""The benchmark: what the guarantees cost, as ratios against loops that give none, measured in one run."""
