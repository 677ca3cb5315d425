# Policy of a sidecar's token. A sidecar registers its game server, campaigns for
# regions, and destroys the session of a primary that two witnesses call dead.
#
#   consul acl policy create -name reseat-sidecar -rules @sidecar.hcl
#   consul acl token create -policy-name reseat-sidecar
#
# The names are those of consul.prefix and consul.service in the settings. Where
# regions must be kept apart, narrow the key prefix to "reseat/<region>/" and
# give each region a service of its own.

# The lock, the epoch and the in-sync set of each region.
key_prefix "reseat/" {
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
