"""The parts put together: files → store → mesh → scopes → resources, behind the server's Source."""
