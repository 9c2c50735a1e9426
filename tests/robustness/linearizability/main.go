// Whether a recorded history of calls on objects could have happened one call at a time, each at some moment between its
// beginning and its end (linearizability), by porcupine.
//
//	checker HISTORY    one JSON object a line, see call; prints what it found, ends with 0 (yes), 1 (no) or 2
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	keys     = 8  // at most, numbered from 0
	unknown  = -1 // a generation that no answer told
	patience = 5 * time.Minute
)

// What one client asked for and was told. Times in nanoseconds of one clock.
type call struct {
	Client  int     `json:"client"`
	Begin   int64   `json:"begin"`
	End     int64   `json:"end"`  // 0: it was never answered
	Kind    string  `json:"kind"` // create, put, delete, get, transaction
	Key     int     `json:"key"`
	Value   string  `json:"value"`
	IfGen   *int64  `json:"if_generation"` // a precondition; 0: there is none
	Compare []pair  `json:"compare"`       // of a transaction: keys and generations
	Writes  []write `json:"writes"`        // of a transaction that compares as wanted

	// done, refused (exists, missing, or a precondition or comparison that does not hold), or "" if never answered.
	Outcome    string `json:"outcome"`
	Found      string `json:"found"`      // of a get: the value
	Generation int64  `json:"generation"` // told by the answer; -1: not told
}

type pair struct {
	Key        int   `json:"key"`
	Generation int64 `json:"generation"`
}

type write struct {
	Key   int    `json:"key"`
	Value string `json:"value"`
}

// generation 0: there is no such object.
type object struct {
	value      string
	generation int64
}

type state [keys]object

// Whether an object of this generation may be the one compared with; both answers are possible where no answer told it.
func (o object) matches(wanted int64) (may bool, mayNot bool) {
	if o.generation == unknown {
		return wanted != 0, true
	}
	return o.generation == wanted, o.generation != wanted
}

func (s state) with(key int, value string, generation int64) state {
	s[key] = object{value, generation}
	return s
}

// A generation that was told is newer than the one before it.
func newer(before object, told int64) bool {
	return told == unknown || before.generation == unknown || told > before.generation
}

func step(before state, c call) (bool, state) {
	at := before[c.Key]
	switch c.Kind {
	case "get":
		if c.Outcome == "refused" {
			return at.generation == 0, before
		}
		if c.Outcome == "" {
			return true, before
		}
		may, _ := at.matches(c.Generation)
		return at.generation != 0 && at.value == c.Found && may, before.with(c.Key, at.value, c.Generation)
	case "create":
		if c.Outcome == "refused" {
			return at.generation != 0, before
		}
		if at.generation != 0 {
			return c.Outcome == "", before
		}
		return newer(at, c.Generation), before.with(c.Key, c.Value, c.Generation)
	case "put", "delete":
		may, mayNot := true, false
		if c.IfGen != nil {
			may, mayNot = at.matches(*c.IfGen)
		}
		if c.Kind == "delete" && at.generation == 0 {
			may, mayNot = false, true
		}
		if c.Outcome == "refused" {
			return mayNot, before
		}
		if !may {
			return c.Outcome == "", before
		}
		if c.Kind == "delete" {
			return true, before.with(c.Key, "", 0)
		}
		return newer(at, c.Generation), before.with(c.Key, c.Value, c.Generation)
	case "transaction":
		may, mayNot := true, false
		for _, compared := range c.Compare {
			yes, no := before[compared.Key].matches(compared.Generation)
			may = may && yes
			mayNot = mayNot || no
		}
		if c.Outcome == "refused" {
			return mayNot, before
		}
		if !may {
			return c.Outcome == "", before
		}
		after := before
		for _, w := range c.Writes {
			if !newer(before[w.Key], c.Generation) {
				return false, before
			}
			after = after.with(w.Key, w.Value, c.Generation)
		}
		return true, after
	}
	panic("an unknown kind of call: " + c.Kind)
}

func read(path string) ([]porcupine.Operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var operations []porcupine.Operation
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return nil, err
		}
		end := c.End
		if end == 0 {
			end = math.MaxInt64
			c.Generation = unknown
		}
		operations = append(operations, porcupine.Operation{ClientId: c.Client, Input: c, Call: c.Begin, Return: end})
	}
	return operations, lines.Err()
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: checker HISTORY")
		os.Exit(2)
	}
	operations, err := read(os.Args[1])
	if err != nil || len(operations) == 0 {
		fmt.Fprintln(os.Stderr, "checker: no history:", err)
		os.Exit(2)
	}
	model := porcupine.Model{
		Init: func() interface{} { return state{} },
		Step: func(s, input, output interface{}) (bool, interface{}) {
			ok, after := step(s.(state), input.(call))
			return ok, after
		},
		Equal: func(a, b interface{}) bool { return a.(state) == b.(state) },
	}
	result := porcupine.CheckOperationsTimeout(model, operations, patience)
	fmt.Printf("%d calls: %s\n", len(operations), result)
	switch result {
	case porcupine.Ok:
	case porcupine.Illegal:
		os.Exit(1)
	default:
		os.Exit(2)
	}
}
