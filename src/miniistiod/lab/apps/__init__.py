"""The demo workloads of the labs: small real servers that play Bookinfo, httpbin, echo servers and a client."""
