"""The data phase on simulated servers: a workload with known truth, the services' own steps, wasted tokens."""
