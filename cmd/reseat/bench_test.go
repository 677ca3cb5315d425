package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBenchUsage(t *testing.T) {
	for args, want := range map[string]string{
		"bench quickly":                              `reseat bench takes no arguments, but got "quickly": see reseat bench --help`,
		"bench mesh now":                             `reseat bench mesh takes no arguments, but got "now": see reseat bench mesh --help`,
		"bench mesh --scenes=kill-2":                 `--scenes: unknown scene "kill-2": choose from kill-1, kill-3, kill-5, controller, rolling, idle`,
		"bench mesh --scenes=kill-3 --servers=4":     `scene kill-3: --fault many:3 needs --servers 5 or more: every region must keep a server`,
		"bench mesh --players=9":                     `--regions 30 is more than --players 9: somebody must be in each`,
		"bench mesh --consul=/nowhere/consul":        `no Consul: exec: "/nowhere/consul": stat /nowhere/consul: no such file or directory: name its binary with --consul or RESEAT_CONSUL (make consul prints one)`,
		"bench mesh --consul=memory --scenes=,kill":  `--scenes: unknown scene "": choose from kill-1, kill-3, kill-5, controller, rolling, idle`,
		"bench recovery now":                         `reseat bench recovery takes no arguments, but got "now": see reseat bench recovery --help`,
		"bench recovery --faults=quake":              `--faults: unknown fault "quake": choose from kill, host, freeze, cut, drain, edge, edge-bare, many`,
		"bench recovery --load=100":                  `--load: "100": write players and actions per second of each, as in 100x20`,
		"bench recovery --load=4x1":                  `--load 4x1 is too small for many, which has 5 regions: somebody must be in each`,
		"bench recovery --quick --rounds=0":          `--rounds 0 is not 1 to 100`,
		"bench recovery --memory=4GB":                `--memory: "4GB": write a size, as in 512MiB or 4GiB`,
		"bench recovery --faults=host --memory=1GiB": `--memory is of kill: add it to --faults, or leave --memory out`,
		"bench recovery --json --markdown":           `--json and --markdown: leave one of them out`,
		"bench recovery --consul=/nowhere/consul":    `no Consul: exec: "/nowhere/consul": stat /nowhere/consul: no such file or directory: name its binary with --consul or RESEAT_CONSUL (make consul prints one)`,
	} {
		_, err := call(t, strings.Fields(args)...)
		require.EqualError(t, err, want, args)
		require.Equal(t, 2, exitCode(err), args)
	}
}
