package workflow

import "fmt"

// AwaitMode is how a node of an await combines what it waits for.
type AwaitMode string

// The modes of an await.
const (
	AwaitAny          AwaitMode = "any"            // the first to settle
	AwaitAll          AwaitMode = "all"            // all settled
	AwaitAllOrFailure AwaitMode = "all_or_failure" // all completed, or the first failure
	AwaitFirstSuccess AwaitMode = "first_success"  // the first completed, or all failed
)

// Await is what an orchestrator waits for: a step's Key, or a combination.
type Await struct {
	Key  string
	Mode AwaitMode
	Of   []Await
}

// AwaitNode is one combination of an await that was stored: how many of its
// members are still open. Node 0 is the root, the others follow their parents.
// Because the leaves are kept on the steps (Task.AwaitedBy), a completion costs
// the depth of the await, whatever its width.
type AwaitNode struct {
	Mode   AwaitMode `json:"m"`
	Parent int       `json:"p"` // -1: the root
	Open   int       `json:"o"`
	Done   bool      `json:"d,omitempty"`
}

// compileAwait flattens an await into nodes and gives, for each key, the nodes
// that it decides. A lone key is an "all" of one.
func compileAwait(a Await) (nodes []AwaitNode, leaves map[string][]int, err error) {
	leaves = map[string][]int{}
	if a.Key != "" {
		a = Await{Mode: AwaitAll, Of: []Await{a}}
	}
	var add func(a Await, parent, depth int) error
	add = func(a Await, parent, depth int) error {
		if depth > maxAwaitDepth {
			return fmt.Errorf("await is nested more than %d deep", maxAwaitDepth)
		}
		switch a.Mode {
		case AwaitAny, AwaitAll, AwaitAllOrFailure, AwaitFirstSuccess:
		default:
			return fmt.Errorf("await: unknown mode %q", a.Mode)
		}
		if len(a.Of) == 0 {
			return fmt.Errorf("await: %q of nothing never ends", a.Mode)
		}
		at := len(nodes)
		nodes = append(nodes, AwaitNode{Mode: a.Mode, Parent: parent, Open: len(a.Of)})
		for _, member := range a.Of {
			if member.Key != "" {
				leaves[member.Key] = append(leaves[member.Key], at)
				continue
			}
			if err := add(member, at, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if err := add(a, -1, 1); err != nil {
		return nil, nil, err
	}
	return nodes, leaves, nil
}

const maxAwaitDepth = 32

// settleAwait tells the nodes of an await that one of their members settled, and
// reports whether the whole await is now decided.
func settleAwait(nodes []AwaitNode, members []int, success bool) (decided bool) {
	for _, at := range members {
		success := success
		for at >= 0 && !nodes[at].Done {
			n := &nodes[at]
			n.Open--
			switch n.Mode {
			case AwaitAny:
				n.Done = true
			case AwaitAll:
				n.Done, success = n.Open == 0, true
			case AwaitAllOrFailure:
				n.Done = n.Open == 0 || !success
			case AwaitFirstSuccess:
				n.Done = n.Open == 0 || success
			}
			if !n.Done {
				break
			}
			at = n.Parent
		}
	}
	return len(nodes) > 0 && nodes[0].Done
}
