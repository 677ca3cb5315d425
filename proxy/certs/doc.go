// Package certs makes the TLS settings of Reseat's processes from PEM files, and
// makes the files themselves for development.
//
// Two kinds of connection, two kinds of trust. TLS 1.3 only, for both; the caller
// sets the ALPN.
//
//	player ─▶ edge      PlayerClient, PlayerServer   the edge shows a certificate for its
//	                                                 host name; players show none
//	edge ─▶ server      LinkClient, LinkServer       both show a certificate of one private
//	server ─▶ server                                 CA, and each checks the other's role
//
// A role is a DNS name in the certificate, "edge.reseat.internal" or
// "server.reseat.internal", spelled out: a wildcard is no role. So a certificate
// of one kind of process cannot be used for the other, and one for players for
// neither. A process may hold several roles in one certificate.
//
// Certificates and keys are read again when their files change, without a
// restart, so that they may be short-lived. The CA is read once. Key files that
// others may read are refused.
//
// For real use, make ECDSA P-256 certificates with one CA and leaves right below
// it: a small chain keeps a handshake within its first packets.
package certs
