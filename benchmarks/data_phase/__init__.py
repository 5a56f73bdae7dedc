"""The data phase on simulated servers: a workload of known truth, the services' own steps, what tokens bought."""
