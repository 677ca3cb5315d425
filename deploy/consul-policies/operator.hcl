# Policy of the token with which a person forces a take-over, or steers the mesh
# where no edge's API can be asked:
# reseat force-takeover --region REGION --consul-token-file FILE
#
#   consul acl policy create -name reseat-operator -rules @operator.hcl
#   consul acl token create -policy-name reseat-operator
#
# The names are those of consul.prefix and consul.service in the settings.

# The in-sync set of each region, which is deleted; the lock, which must be free.
key_prefix "reseat/" {
  policy = "write"
}

# The drains of servers, the seats, and the state of the mesh. The rule above has
# them already; it is here for those who narrow that one.
key_prefix "reseat/.mesh/" {
  policy = "write"
}

# The game servers, the edges and their checks, to show who is there.
service "reseat-game" {
  policy = "read"
}

service "reseat-game-edge" {
  policy = "read"
}

# Without this Consul leaves all servers out of its answers and reports no error.
node_prefix "" {
  policy = "read"
}
