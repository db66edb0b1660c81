package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stent-dev/stent/durable"
)

// node is a task in the tree of an execution's steps.
type node struct {
	task     *durable.TaskInfo
	label    string
	children []*node
	past     []*node // its steps of earlier runs
	held     string  // what holds it though it is due, if that was asked for
}

// grow makes the tree of an execution's tasks: its steps, with the steps of
// sub-workflows and the items of maps beneath them. It gives the node above them
// all, which is not drawn. The orchestrator's own task and the timer of max_duration
// have no node of their own; tasks whose parent is not among them stand at the top.
func grow(tasks []durable.TaskInfo) *node {
	nodes := make(map[string]*node, len(tasks))
	for i := range tasks {
		nodes[tasks[i].ID] = &node{task: &tasks[i], label: tasks[i].StepKey}
	}
	top := &node{task: &durable.TaskInfo{}}
	for _, n := range nodes {
		parent := nodes[n.task.ParentTaskID]
		switch {
		case ownTask(n.task) || parent == nil && n.task.StepKey == "deadline" && n.task.Kind == "timer":
			continue
		case parent == nil:
			parent = top
			if n.task.StepKey == "root" {
				n.label = n.task.Name
			}
		case leftBehind(n.task, parent.task):
			n.label += " (earlier run)"
			if ownTask(parent.task) {
				parent = top
			}
			parent.past = append(parent.past, n)
			continue
		case ownTask(parent.task):
			parent = top
		case parent.task.Kind == "map":
			n.label = fmt.Sprintf("%s[%s]", parent.task.StepKey, n.task.StepKey)
		}
		parent.children = append(parent.children, n)
	}
	for _, n := range nodes {
		n.sort()
	}
	top.sort()
	return top
}

// leftBehind tells whether an earlier run of its parent made a task: the parent was
// restarted since, or has continued as new.
func leftBehind(t, parent *durable.TaskInfo) bool {
	return t.ParentRun == nil || *t.ParentRun != parent.Run
}

// each calls a function for every node beneath one.
func (n *node) each(do func(*node)) {
	for _, of := range [][]*node{n.children, n.past} {
		for _, child := range of {
			do(child)
			child.each(do)
		}
	}
}

// size is how many tasks there are in a node's tree, itself among them.
func (n *node) size() int {
	total := 1
	n.each(func(*node) { total++ })
	return total
}

// ownTask tells whether a task is that of an execution's own orchestrator.
func ownTask(t *durable.TaskInfo) bool {
	return t.ParentTaskID == "" && t.StepKey == "root" && t.Kind == "orchestrator"
}

// byID orders by creation: ids sort by time.
func byID(a, b *node) int { return cmp.Compare(a.task.ID, b.task.ID) }

// sort brings items of a map into the order of its inputs, and steps into that of their creation.
func (n *node) sort() {
	order := byID
	if n.task.Kind == "map" {
		order = func(a, b *node) int { return cmp.Compare(a.index(), b.index()) }
	}
	slices.SortFunc(n.children, order)
	slices.SortFunc(n.past, byID)
}

// index is an item's place in its map.
func (n *node) index() int {
	i, _ := strconv.Atoi(n.task.StepKey) // an item's key is a number
	return i
}

// The items of a map that has more than wideMap are summarised: only so many are
// shown that failed or are under way.
const (
	wideMap   = 10
	shownOf   = 3
	maxNested = 64 // deeper steps are not drawn
)

// shown gives the children to draw, and a line about the others; "" if there are none.
// Steps of earlier runs are drawn only if all are asked for.
func (n *node) shown(all bool) (children []*node, others string) {
	if all {
		return slices.Concat(n.past, n.children), ""
	}
	children, others = n.worthy()
	past := 0
	for _, child := range n.past {
		past += child.size()
	}
	if past > 0 {
		others = join(", ", others, count(past, "step of an earlier run", "steps of earlier runs"))
	}
	if others != "" {
		others = "… and " + others
	}
	return children, others
}

// worthy gives the children that are worth a line each, and what there is to say of the others.
func (n *node) worthy() (children []*node, others string) {
	if n.task.Kind != "map" || len(n.children) <= wideMap {
		return n.children, ""
	}
	drawn, left := map[string]int{}, map[string]int{}
	for _, child := range n.children {
		word := status(child.task)
		kind := child.task.State
		worthy := kind == "failed" || kind == "running" || word == "retrying"
		if worthy && drawn[word] < shownOf {
			drawn[word]++
			children = append(children, child)
			continue
		}
		left[word]++
	}
	return children, tally(left)
}

// tally writes how many there are of each word, most first.
func tally(of map[string]int) string {
	words := make([]string, 0, len(of))
	for word := range of {
		words = append(words, word)
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b)) })
	for i, word := range words {
		words[i] = fmt.Sprintf("%d %s", of[word], word)
	}
	return strings.Join(words, ", ")
}

// line is a line of the tree as it is drawn.
type line struct {
	branch string // the lines that lead to it
	node   *node  // nil for a line that is no step
	text   string // of a line that is no step
	error  *durable.Attempt
}

// draw lays out what is beneath a node as lines. Failed attempts of a task stand beneath it.
func draw(top *node, attempts map[string][]durable.Attempt, all bool) []line {
	d := drawing{attempts: attempts, all: all}
	children, others := top.shown(all)
	d.level("", children, others, nil)
	return d.lines
}

type drawing struct {
	attempts map[string][]durable.Attempt
	all      bool
	lines    []line
}

// level draws what stands beneath a node: its failed attempts, its children and a
// last line about others.
func (d *drawing) level(indent string, nodes []*node, others string, failed []durable.Attempt) {
	left := len(failed) + len(nodes)
	if others != "" {
		left++
	}
	branch := func() string {
		if left--; left == 0 {
			return indent + "└─ "
		}
		return indent + "├─ "
	}
	for i := range failed {
		d.lines = append(d.lines, line{branch: branch(), text: fmt.Sprintf("attempt %d", failed[i].Number), error: &failed[i]})
	}
	for _, n := range nodes {
		d.lines = append(d.lines, line{branch: branch(), node: n})
		below := indent + "│  "
		if left == 0 {
			below = indent + "   "
		}
		if len([]rune(below)) > 3*maxNested {
			continue
		}
		failed := d.attempts[n.task.ID]
		if len(failed) == 1 && n.task.State == "failed" {
			failed = nil // the step itself tells it
		}
		children, more := n.shown(d.all)
		d.level(below, children, more, failed)
	}
	if others != "" {
		d.lines = append(d.lines, line{branch: branch(), text: others})
	}
}
