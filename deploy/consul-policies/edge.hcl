# Policy of an edge's token. It reads what the regions are about, registers the
# edge, and lets it be the controller of the mesh. It changes no region.
#
# A session belongs to the node whose agent made it, and a token that may end
# sessions may end all of that node's. Edges are what players reach: each gets a
# policy for its own node alone, with that node's name in the place of NODE. Where
# an edge shares its node with a game server, it may end that one's session.
#
#   sed "s/NODE/$NODE/" edge.hcl | consul acl policy create -name "reseat-edge-$NODE" -rules -
#   consul acl token create -policy-name "reseat-edge-$NODE"
#
# The names are those of consul.prefix and consul.service in the settings.

# The lock, the epoch and the in-sync set of each region.
key_prefix "reseat/" {
  policy = "read"
}

# The controller's lock, the seats of the regions, the state of the mesh, drains.
key_prefix "reseat/.mesh/" {
  policy = "write"
}

# The game servers and their checks.
service "reseat-game" {
  policy = "read"
}

# Registration of the edge and its TTL check; the name is the servers' with "-edge".
service "reseat-game-edge" {
  policy = "write"
}

# The session that the controller's lock is taken with.
session "NODE" {
  policy = "write"
}

# Without this Consul leaves all servers out of its answers and reports no error.
node_prefix "" {
  policy = "read"
}
