package config

import (
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/failover/mesh"
)

// Controller translates the settings for the controller that runs in edge e.
func (e *Edge) Controller() mesh.Config {
	m, c := e.Mesh, mesh.DefaultConfig()
	c.Backups, c.Regions, c.Critical, c.Patience = m.Backups, e.Regions, m.Critical, m.Patience
	c.Settle = e.Consul.CheckTTL + time.Second
	c.Degrade.Window, c.Degrade.Dwell, c.Degrade.RetryAfter = m.Degrade.Window, m.Degrade.Dwell, m.Degrade.RetryAfter
	c.Degrade.FailuresPerMinute, c.Degrade.ServersFailed = m.Degrade.FailuresPerMinute, m.Degrade.ServersFailed
	c.Degrade.Light, c.Degrade.Moderate = mesh.Threshold(m.Degrade.Light), mesh.Threshold(m.Degrade.Moderate)
	c.Degrade.Severe = mesh.Threshold(m.Degrade.Severe)
	c.Moves.AtOnce, c.Moves.PerTarget, c.Moves.Limit = m.Moves.AtOnce, m.Moves.PerTarget, m.Moves.Limit
	if m.Launch.set() {
		c.Launch.AtOnce, c.Launch.After, c.Launch.Limit = m.Launch.AtOnce, m.Launch.After, m.Launch.Limit
	}
	return c
}

// set tells whether there is a launcher.
func (l Launch) set() bool { return len(l.Exec) > 0 || l.URL != "" || l.NomadURL != "" }

func (e *Edge) checkMesh(c *checker) {
	m := e.Mesh
	for _, region := range m.Critical {
		if !slices.Contains(e.Regions, region) {
			c.refuse("mesh.critical", "%q is not one of this edge's regions: add it to regions, or take it out here", clip(region))
		}
	}
	between(c, "mesh.patience", m.Patience, 100*time.Millisecond, time.Hour)
	between(c, "mesh.launch.after", m.Launch.After, 0, time.Hour)
	between(c, "mesh.launch.limit", m.Launch.Limit, time.Second, time.Hour)
	between(c, "mesh.launch.at_once", m.Launch.AtOnce, 1, 16)
	m.Launch.check(c)
	if err := e.Controller().Validate(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			c.refuse("mesh", "%s", strings.TrimPrefix(line, "mesh: "))
		}
	}
	if m.AlertTokenFile != "" {
		c.secret("mesh.alert_token_file", m.AlertTokenFile)
	}
}

func (l Launch) check(c *checker) {
	ways := 0
	for _, set := range []bool{len(l.Exec) > 0, l.URL != "", l.NomadURL != ""} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		c.refuse("mesh.launch", "exec, url and nomad_url are three ways to start a server: choose one")
	}
	if l.NomadURL != "" && (l.NomadJob == "" || l.NomadGroup == "") {
		c.refuse("mesh.launch.nomad_url", "name the job and the group that are scaled, too: mesh.launch.nomad_job and mesh.launch.nomad_group")
	}
	if l.TokenFile != "" {
		c.secret("mesh.launch.token_file", l.TokenFile)
	}
}
