package sidecar
