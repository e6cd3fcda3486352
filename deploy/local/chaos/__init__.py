"""Try to break it: scenarios of faults, each judged by what brokers and Foundry's effect log say, and a defect that each must catch."""
