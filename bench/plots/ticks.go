package plots

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// logTicks are the marks of an axis of powers of ten: at 1 to 9 times each power, with
// a number at 1, 2 and 5, so that a range of less than ten has numbers, too.
type logTicks struct{}

// Ticks implements plot.Ticker.
func (logTicks) Ticks(least, most float64) (out []plot.Tick) {
	if least <= 0 {
		panic("plots: an axis of powers of ten has no zero") // as plot.LogTicks does
	}
	for power := math.Floor(math.Log10(least)); power <= math.Log10(most); power++ {
		for digit := 1.0; digit < 10; digit++ {
			at := digit * math.Pow(10, power)
			if at < least || at > most {
				continue
			}
			tick := plot.Tick{Value: at}
			if digit == 1 || digit == 2 || digit == 5 {
				tick.Label = strconv.FormatFloat(at, 'g', 6, 64)
			}
			out = append(out, tick)
		}
	}
	return out
}
