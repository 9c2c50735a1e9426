// Whether a recorded history of calls on objects could have happened one call at a time, each at some moment between its
// beginning and its end (linearizability), by porcupine.
//
//	checker HISTORY    one JSON object a line, see call; prints what it found, ends with 0 (yes), 1 (no) or 2
//
// It could have happened in the order of the revisions, that is: what is carried out later has a newer one.
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
	patience = time.Minute
)

// What one client asked for and was told. Times in nanoseconds of one clock.
type call struct {
	Client  int     `json:"client"`
	Begin   int64   `json:"begin"`
	End     int64   `json:"end"`  // 0: it was never answered, so it may be carried out at any time from then on
	Kind    string  `json:"kind"` // create, put, delete, get, snapshot, transaction
	Key     int     `json:"key"`
	Value   string  `json:"value"`
	IfGen   *int64  `json:"if_generation"` // a precondition; 0: there is none
	Compare []pair  `json:"compare"`       // of a transaction: keys and generations
	Writes  []write `json:"writes"`        // of a transaction that compares as wanted
	Reads   []found `json:"reads"`         // of a snapshot: all at one moment

	// done, refused (exists, missing, or a precondition or comparison that does not hold), or "": one of both, or never
	// carried out.
	Outcome    string `json:"outcome"`
	Found      string `json:"found"`      // of a get: the value
	Generation int64  `json:"generation"` // told by the answer; -1: not told
	Revision   int64  `json:"revision"`   // of the transaction, told by the answer; 0: not told
}

type pair struct {
	Key        int   `json:"key"`
	Generation int64 `json:"generation"`
}

type write struct {
	Key   int    `json:"key"`
	Value string `json:"value"`
}

type found struct {
	Key        int    `json:"key"`
	Found      string `json:"found"`
	Generation int64  `json:"generation"`
}

// generation 0: there is no such object. unknown: a generation above `above`.
type object struct {
	value      string
	generation int64
	above      int64
}

type state struct {
	objects [keys]object
	newest  int64 // revision that was told: what is written later has a newer one
}

// Whether an object of this generation may be the one compared with, and whether it may be another; both are possible where
// no answer told it.
func (o object) matches(wanted int64) (may bool, mayNot bool) {
	if o.generation == unknown {
		return wanted > o.above, true
	}
	return o.generation == wanted, o.generation != wanted
}

func (s state) at(revision int64) (bool, state) {
	if revision <= 0 {
		return true, s
	}
	ok := revision > s.newest
	s.newest = revision
	return ok, s
}

func (s state) with(key int, value string, generation int64) state {
	s.objects[key] = object{value: value, generation: generation}
	if generation == unknown {
		s.objects[key].above = s.newest
	}
	return s
}

// Reading changes nothing but what is known.
func (s state) reading(key int, value string, generation int64) (bool, state) {
	at := s.objects[key]
	may, _ := at.matches(generation)
	if at.generation == 0 || at.value != value || !may {
		return false, s
	}
	if generation > s.newest {
		s.newest = generation
	}
	return true, s.with(key, value, generation)
}

// What `may` and `mayNot` be carried out, and answered so, writing what `apply` says.
func (c call) change(before state, may, mayNot bool, apply func(state) state) (bool, state) {
	if c.Outcome == "" && !may {
		return true, before
	}
	ok, after := before.at(max(c.Revision, c.Generation))
	if c.Outcome == "refused" {
		return ok && mayNot, after
	}
	return ok && may, apply(after)
}

func max(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}

func step(before state, c call) (bool, state) {
	if c.Kind == "transaction" {
		may, mayNot := true, false
		for _, compared := range c.Compare {
			yes, no := before.objects[compared.Key].matches(compared.Generation)
			may = may && yes
			mayNot = mayNot || no
		}
		return c.change(before, may, mayNot, func(s state) state {
			for _, w := range c.Writes {
				s = s.with(w.Key, w.Value, c.Generation)
			}
			return s
		})
	}
	if c.Kind == "snapshot" {
		ok, after := before.at(c.Revision)
		for _, read := range c.Reads {
			if !ok || c.Outcome == "" {
				break
			}
			ok, after = after.reading(read.Key, read.Found, read.Generation)
		}
		return ok, after
	}
	at := before.objects[c.Key]
	write := func(s state) state { return s.with(c.Key, c.Value, c.Generation) }
	switch c.Kind {
	case "get":
		if c.Outcome == "" {
			return true, before
		}
		if c.Outcome == "refused" {
			return at.generation == 0, before
		}
		return before.reading(c.Key, c.Found, c.Generation)
	case "create":
		return c.change(before, at.generation == 0, at.generation != 0, write)
	case "put":
		may, mayNot := true, false
		if c.IfGen != nil {
			may, mayNot = at.matches(*c.IfGen)
		}
		return c.change(before, may, mayNot, write)
	case "delete":
		return c.change(before, at.generation != 0, at.generation == 0, func(s state) state {
			s.objects[c.Key] = object{}
			return s
		})
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
			if c.Outcome != "done" {
				c.Outcome, c.Generation, c.Revision = "", unknown, 0
			}
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
