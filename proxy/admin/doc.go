// Package admin is the HTTP API with which people see and steer the mesh.
package admin
