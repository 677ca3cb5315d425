# Policy of an edge's token: it reads, and writes nothing.
#
#   consul acl policy create -name reseat-edge -rules @edge.hcl
#   consul acl token create -policy-name reseat-edge
#
# The names are those of consul.prefix and consul.service in the settings.

# The lock, the epoch and the in-sync set of each region.
key_prefix "reseat/" {
  policy = "read"
}

# The game servers and their checks.
service "reseat-game" {
  policy = "read"
}

# Without this Consul leaves all servers out of its answers and reports no error.
node_prefix "" {
  policy = "read"
}
