# Policy of a sidecar's token. A sidecar registers its game server, campaigns for
# regions, and destroys the session of a primary that two witnesses call dead.
#
#   consul acl policy create -name reseat-sidecar -rules @sidecar.hcl
#   consul acl token create -policy-name reseat-sidecar
#
# The names are those of consul.prefix and consul.service in the settings. Where
# regions must be kept apart, make the first rule "read" and add one that may write
# for each "reseat/<region>/". All of "reseat/" must be readable: Consul leaves out
# of a list what is not, and a mesh with something left out is none.

# The lock, the epoch and the in-sync set of each region.
key_prefix "reseat/" {
  policy = "write"
}

# The controller's lock, the seats and the state of the mesh: a sidecar obeys them.
key_prefix "reseat/.mesh/" {
  policy = "read"
}

# The word that this server is to be emptied.
key_prefix "reseat/.mesh/drain/" {
  policy = "write"
}

# Registration and its TTL check.
service "reseat-game" {
  policy = "write"
}

# A session belongs to the node whose agent made it, so a backup needs this for
# the nodes of all game servers. Where these share a prefix, name it:
# session_prefix "game-". A token with this right can end every session of those
# nodes: give it to sidecars only, never to edges.
session_prefix "" {
  policy = "write"
}

# Without this Consul leaves all servers out of its answers and reports no error.
node_prefix "" {
  policy = "read"
}
