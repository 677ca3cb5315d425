package recovery

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/reseat-proxy/reseat/bench/choose"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Config says what is measured, and with what.
type Config struct {
	Faults []string // names
	Loads  []measure.Load
	Memory []uint64 // bytes that each game has written to besides its world, for kill
	Rounds int      // how often each fault happens, 1 or more
	Seed   uint64   // decides what the players do

	Consul  string // path of the binary, or consul.Memory
	Program string // the path of reseat

	Trace bool // also have one kill traced, or the first fault if there is no kill, under the load with the most players

	// Profiles is a folder for CPU profiles of all processes, one folder in it for each
	// cell; empty: none are taken.
	Profiles string

	Env    []string  // for all processes, besides our own
	Screen io.Writer // for what happens as it happens; nil: nothing
	Echo   io.Writer // of the processes' logs; nil: none
}

// most is what one machine carries, bots included.
var most = measure.Load{Players: 2000, Rate: 1000}

// ParseLoads reads "10x60,100x20": players, and actions per second of each.
func ParseLoads(list string) ([]measure.Load, error) { return measure.ParseLoads(list, most) }

// units are those of [ParseSizes], the longest suffix first.
var units = []struct {
	suffix string
	bytes  uint64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// maxMemory is the most that a game may be given.
const maxMemory = 64 << 30

// ParseSizes reads "0,512MiB,4GiB".
func ParseSizes(list string) (out []uint64, err error) {
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		for _, unit := range units {
			digits, ok := strings.CutSuffix(text, unit.suffix)
			if !ok {
				continue
			}
			n, err := strconv.ParseUint(digits, 10, 32)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%q: write a size, as in 512MiB or 4GiB", text)
			case n*unit.bytes > maxMemory:
				return nil, fmt.Errorf("%q: no more than %s", text, size(maxMemory))
			case slices.Contains(out, n*unit.bytes):
				return nil, fmt.Errorf("%q is there twice", text)
			}
			out = append(out, n*unit.bytes)
			break
		}
	}
	return out, nil
}

// size is a number of bytes as ParseSizes reads it.
func size(n uint64) string {
	for _, unit := range units {
		if n >= unit.bytes && n%unit.bytes == 0 {
			return strconv.FormatUint(n/unit.bytes, 10) + unit.suffix
		}
	}
	return "0"
}

// ParseFaults reads a comma-separated list of names.
func ParseFaults(list string) ([]string, error) {
	return choose.Once("fault", list, FaultNames(), FaultNames())
}

// Check tells whether all of it can be measured, but not whether this machine can:
// see [Config.Fits]. burdened: that Memory was asked for, which matters to one fault.
func (c Config) Check(burdened bool) error {
	if c.Rounds < 1 || c.Rounds > 100 {
		return fmt.Errorf("--rounds %d is not 1 to 100", c.Rounds)
	}
	if burdened && slices.Max(c.Memory) > 0 && !slices.Contains(c.Faults, sized) {
		return fmt.Errorf("--memory is of %s: add it to --faults, or leave --memory out", sized)
	}
	if c.Trace && kinds[c.largest().Fault].demo == "edge" {
		return errors.New("--trace: no server fails when an edge does, and only that is traced: add another fault before it")
	}
	for _, cell := range c.Cells() {
		if regions := kinds[cell.Fault].regions; cell.Players < regions {
			return fmt.Errorf("--load %v is too small for %s, which has %d regions: somebody must be in each", cell.Load, cell.Fault, regions)
		}
	}
	return nil
}

// A player has a socket in the players' process, and one more for a spare connection; an
// edge and sidecars have some files besides.
const otherFiles = 256

// Fits tells what this machine lacks to measure all of it.
func (c Config) Fits() error {
	most, burden := 0, uint64(0)
	for _, cell := range c.Cells() {
		most, burden = max(most, cell.Players), max(burden, cell.Memory)
	}
	if err := measure.NeedFiles(uint64(2*most + otherFiles)); err != nil {
		return err
	}
	servers := uint64(kinds[sized].servers)
	if err := measure.NeedMemory(servers*burden + spare); err != nil {
		return errors.Join(err, fmt.Errorf("--memory %s is for each of %d games: give less of it", size(burden), servers))
	}
	return nil
}

// spare is memory for all that has nothing to do with --memory.
const spare = 1 << 30
