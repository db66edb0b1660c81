package workflow

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// program is an orchestrator made by chance: statements one after the other, the
// whole of it runs times. Its result says all that does not depend on timing.
type program struct {
	statements []statement
	runs       int
	fails      bool
}

// statement commands its leaves at once and goes on when its await is decided.
type statement struct {
	leaves []leaf
	await  Await // over the indexes of leaves
	cancel bool  // cancels what is open when it goes on
}

type leaf struct {
	op       Op
	name     string
	items    int
	inFlight int
	collect  bool
	timeout  bool
	add      int64
}

var modes = []AwaitMode{AwaitAny, AwaitAll, AwaitAllOrFailure, AwaitFirstSuccess}

// drawProgram makes a program that may call those which were made before.
func drawProgram(t *rapid.T, earlier int) *program {
	p := &program{runs: 1 + rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "more runs"), fails: rapid.IntRange(0, 9).Draw(t, "fails") == 0}
	for range rapid.IntRange(1, 4).Draw(t, "statements") {
		s := statement{cancel: rapid.Bool().Draw(t, "cancel")}
		for range rapid.SampledFrom([]int{1, 1, 2, 3, 5}).Draw(t, "leaves") {
			l := drawLeaf(t, earlier)
			if strings.HasPrefix(l.name, "program") {
				earlier = 0 // one sub-workflow each, or they multiply
			}
			s.leaves = append(s.leaves, l)
		}
		s.await = Await{Key: "0"}
		if len(s.leaves) > 1 {
			s.await = drawAwait(t, 0, len(s.leaves))
		}
		p.statements = append(p.statements, s)
	}
	return p
}

// drawAwait combines the leaves from up to (exclusive) to, each once.
func drawAwait(t *rapid.T, from, to int) Await {
	a := Await{Mode: rapid.SampledFrom(modes).Draw(t, "mode")}
	for from < to {
		end := rapid.IntRange(from+1, to).Draw(t, "end")
		if end == from+1 {
			a.Of = append(a.Of, Await{Key: strconv.Itoa(from)})
		} else {
			a.Of = append(a.Of, drawAwait(t, from, end))
		}
		from = end
	}
	return a
}

var activities = []string{"echo", "flaky", "poor", "odd", "slow", "once", "cached"}

func drawLeaf(t *rapid.T, earlier int) leaf {
	ops := []Op{OpCall, OpCall, OpCall, OpMap, OpMap, OpSleep, OpWaitSignal, OpLocal, OpVersion, OpCounter, OpState, OpDispatch}
	l := leaf{op: rapid.SampledFrom(ops).Draw(t, "op"), add: rapid.Int64Range(-3, 9).Draw(t, "add")}
	l.name = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")
	switch l.op {
	case OpCall, OpMap, OpDispatch:
		l.name = rapid.SampledFrom(activities).Draw(t, "activity")
		if earlier > 0 && rapid.IntRange(0, 3).Draw(t, "sub") == 0 {
			l.name = "program" + strconv.Itoa(rapid.IntRange(0, earlier-1).Draw(t, "program"))
		}
		l.items = rapid.IntRange(0, 5).Draw(t, "items")
		if strings.HasPrefix(l.name, "program") {
			l.items = min(l.items, 2)
		}
		l.inFlight = rapid.IntRange(0, 3).Draw(t, "in flight")
		l.collect = rapid.Bool().Draw(t, "collect")
	case OpWaitSignal:
		l.timeout = rapid.Bool().Draw(t, "timeout")
	}
	return l
}

// command writes a leaf as a command; leaf keys carry what a counter adds.
func (l leaf) command(key string) Command {
	c := Command{Key: key, Op: l.op, Name: l.name}
	switch l.op {
	case OpCall, OpDispatch:
		c.Input = json.RawMessage("7")
	case OpMap:
		c.Options = &CallOptions{MaxInFlight: l.inFlight, Collect: l.collect}
		for i := range l.items {
			c.Inputs = append(c.Inputs, json.RawMessage(strconv.Itoa(i)))
		}
	case OpSleep:
		c.Name, c.Duration = "", time.Duration(l.add+3)*time.Second
	case OpWaitSignal:
		if l.timeout {
			timeout := time.Minute
			c.Timeout = &timeout
		}
	case OpLocal, OpVersion, OpState:
		c.Value = json.RawMessage(strconv.FormatInt(l.add, 10))
		if l.op == OpLocal && l.add < 0 {
			c.Error = &Error{Type: "local", Message: "it is negative"}
		}
	case OpCounter:
		c.Add = l.add
	}
	return c
}

func (l leaf) key(statement, i int) string { return fmt.Sprintf("%d/%d+%d", statement, i, l.add) }

// keyed is the await of a statement over its steps' keys.
func (s statement) keyed(statement int, a Await) Await {
	if a.Key != "" {
		i, _ := strconv.Atoi(a.Key)
		return Await{Key: s.leaves[i].key(statement, i)}
	}
	keyed := Await{Mode: a.Mode}
	for _, member := range a.Of {
		keyed.Of = append(keyed.Of, s.keyed(statement, member))
	}
	return keyed
}

// fate is what is known about a leaf or an await before it has run.
type fate int

const (
	unknown fate = iota
	succeeds
	fails
)

// foretell gives a leaf's fate and how it is told in the result ("?": by chance).
func (l leaf) foretell(programs []*program) (fate, string) {
	switch l.op {
	case OpCall:
		return l.foretellCall(programs, "7")
	case OpMap:
		return l.foretellMap(programs)
	case OpWaitSignal:
		if l.timeout {
			return unknown, "?"
		}
		return succeeds, "?"
	case OpLocal:
		if l.add < 0 {
			return fails, "!local"
		}
		return succeeds, strconv.FormatInt(l.add, 10)
	case OpVersion:
		return succeeds, strconv.FormatInt(l.add, 10)
	case OpCounter, OpDispatch:
		return succeeds, "?"
	default:
		return succeeds, "null"
	}
}

func (l leaf) foretellCall(programs []*program, input string) (fate, string) {
	if n, ok := strings.CutPrefix(l.name, "program"); ok {
		i, _ := strconv.Atoi(n)
		if programs[i].fails {
			return fails, "!program"
		}
		return succeeds, programs[i].foretell(programs, input)
	}
	n, _ := strconv.Atoi(input)
	if l.name == "poor" || l.name == "odd" && n%2 == 1 {
		return fails, "!" + l.name
	}
	return succeeds, input
}

func (l leaf) foretellMap(programs []*program) (fate, string) {
	var told []string
	for i := range l.items {
		f, text := l.foretellCall(programs, strconv.Itoa(i))
		switch {
		case f == fails && !l.collect:
			return fails, "!map_item"
		case f == fails:
			text = fmt.Sprintf(`{"status":"failed","error":{"type":%q,"message":"it fails"}}`, text[1:])
		case l.collect:
			text = `{"status":"completed","value":` + text + `}`
		}
		told = append(told, text)
	}
	return succeeds, "[" + strings.Join(told, ",") + "]"
}

// foretell gives an await's fate from those of its leaves.
func (s statement) foretell(programs []*program, a Await) fate {
	if a.Key != "" {
		i, _ := strconv.Atoi(a.Key)
		f, _ := s.leaves[i].foretell(programs)
		return f
	}
	count := map[fate]int{}
	for _, member := range a.Of {
		count[s.foretell(programs, member)]++
	}
	switch {
	case a.Mode == AwaitAll:
		return succeeds
	case a.Mode == AwaitAllOrFailure && count[fails] > 0:
		return fails
	case a.Mode == AwaitFirstSuccess && count[succeeds] > 0:
		return succeeds
	case count[succeeds] == len(a.Of):
		return succeeds
	case count[fails] == len(a.Of):
		return fails
	}
	return unknown
}

// foretell is the direct interpretation: the result, computed without running anything.
func (p *program) foretell(programs []*program, input string) string {
	var told []string
	for range p.runs {
		for _, s := range p.statements {
			told = append(told, s.tell(programs, func(l leaf, _ int) string {
				_, text := l.foretell(programs)
				return text
			}, func() fate { return s.foretell(programs, s.await) })+";")
		}
	}
	b, err := json.Marshal(input + ":" + strings.Join(told, ""))
	if err != nil {
		panic(err)
	}
	return string(b)
}

// tell is what a statement adds to the result, so far as it does not depend on timing.
func (s statement) tell(programs []*program, leafText func(leaf, int) string, decided func() fate) string {
	if s.await.Key != "" {
		if _, text := s.leaves[0].foretell(programs); text == "?" {
			return text
		}
		return leafText(s.leaves[0], 0)
	}
	if s.await.Mode == AwaitAll && !strings.Contains(fmt.Sprint(s.await.Of), "[{") {
		var told []string
		for i, l := range s.leaves {
			if _, text := l.foretell(programs); text != "?" {
				told = append(told, leafText(l, i))
			}
		}
		return strings.Join(told, ",")
	}
	if s.foretell(programs, s.await) == unknown {
		return "?"
	}
	return strconv.Itoa(int(decided()))
}
