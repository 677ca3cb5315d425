package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/anishathalye/porcupine"
)

// Report is a run and its verdict. In a directory it is
//
//	ops-*.jsonl      what the clients recorded
//	evidence.json    what the servers said
//	setup.json       what the run was meant to be
//	verdict.json
//	player-*.html    of players whose history is not linearizable: a picture
type Report struct {
	Setup    Setup
	History  *History
	Evidence *Evidence
	Verdict  Verdict
}

// NewReport judges a run.
func NewReport(s Setup, h *History, e *Evidence) *Report {
	return &Report{s, h, e, Judge(s, h, e)}
}

// The files of a report besides the records.
const (
	evidenceFile = "evidence.json"
	setupFile    = "setup.json"
	verdictFile  = "verdict.json"
)

// Write stores the report. Records that the clients have written into dir
// themselves stay as they are.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := r.writeOps(dir); err != nil {
		return err
	}
	for name, content := range map[string]any{evidenceFile: r.Evidence, setupFile: r.Setup, verdictFile: r.Verdict} {
		if err := writeJSON(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return r.draw(dir)
}

func (r *Report) writeOps(dir string) error {
	written, err := filepath.Glob(filepath.Join(dir, opsPrefix+"*"+opsSuffix))
	if err != nil || len(written) > 0 {
		return err
	}
	w, err := Create(dir, "all")
	if err != nil {
		return err
	}
	for record := range r.History.Records {
		w.Write(record)
	}
	return w.Close()
}

// draw draws the histories that no order explains.
func (r *Report) draw(dir string) error {
	for player, info := range r.Verdict.Linear.proofs {
		path := filepath.Join(dir, "player-"+fileName(player)+".html")
		if err := porcupine.VisualizePath(model(), info, path); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	return nil
}

// fileName leaves of a player's name what may be in the name of a file.
func fileName(player string) string {
	return strings.Map(func(c rune) rune {
		if c == '-' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			return c
		}
		return '_'
	}, player)
}

// ReadReport reads what Write stored, with the verdict of that time if there is
// one.
func ReadReport(dir string) (*Report, error) {
	h, err := ReadDir(dir)
	if err != nil {
		return nil, err
	}
	r := &Report{History: h, Evidence: &Evidence{}}
	for name, content := range map[string]any{evidenceFile: r.Evidence, setupFile: &r.Setup, verdictFile: &r.Verdict} {
		err := readJSON(filepath.Join(dir, name), content)
		if err != nil && (name != verdictFile || !errors.Is(err, os.ErrNotExist)) {
			return nil, err
		}
	}
	return r, nil
}

// JudgeDir judges a stored run again.
func JudgeDir(dir string) (Verdict, error) {
	r, err := ReadReport(dir)
	if err != nil {
		return Verdict{}, err
	}
	return Judge(r.Setup, r.History, r.Evidence), nil
}

func writeJSON(path string, content any) error {
	data, err := json.MarshalIndent(content, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("history: %s: %w", filepath.Base(path), err)
	}
	return nil
}

func readJSON(path string, content any) error {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, content)
	}
	if err != nil {
		return fmt.Errorf("history: %s: %w", filepath.Base(path), err)
	}
	return nil
}
