"""The demo workloads of the labs: small real servers that play Bookinfo, httpbin, echoes and a client."""
