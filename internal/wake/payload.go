package wake

import (
	"encoding/json"
	"fmt"
)

// message is a hint on its way to other processes.
type message struct {
	From       string   `json:"i"` // the instance that sent it
	Queues     []string `json:"q,omitempty"`
	Executions []string `json:"e,omitempty"`
	Cancelled  []string `json:"c,omitempty"`
	Watched    []string `json:"w,omitempty"`
	Changed    []string `json:"h,omitempty"`
	Functions  bool     `json:"f,omitempty"`
	All        bool     `json:"a,omitempty"`
}

// envelope is room for a message without the members of its lists: names,
// brackets, flags.
const envelope = 64

// encode writes a hint as messages of at most limit bytes each.
func encode(from string, h Hint, limit int) ([]string, error) {
	c := chunker{from: from, limit: limit}
	c.next()
	c.message.Functions, c.message.All = h.Functions, h.All
	for _, v := range h.Cancelled {
		c.add(v, &c.message.Cancelled)
	}
	for _, v := range h.Queues {
		c.add(v, &c.message.Queues)
	}
	for _, v := range h.Executions {
		c.add(v, &c.message.Executions)
	}
	for _, v := range h.Watched {
		c.add(v, &c.message.Watched)
	}
	for _, v := range h.Changed {
		c.add(v, &c.message.Changed)
	}
	c.flush()
	return c.payloads, c.err
}

// chunker fills one message after the other.
type chunker struct {
	from     string
	limit    int
	message  message
	size     int
	payloads []string
	err      error
}

func (c *chunker) next() {
	c.message = message{From: c.from}
	c.size = envelope + len(c.from)
}

func (c *chunker) add(value string, list *[]string) {
	quoted, err := json.Marshal(value)
	if err != nil {
		c.err = fmt.Errorf("encoding a hint: %w", err)
		return
	}
	need := len(quoted) + len(",")
	if envelope+len(c.from)+need > c.limit {
		c.message.All = true // a name that no message holds
		return
	}
	if c.size+need > c.limit {
		c.flush()
		c.next()
	}
	*list = append(*list, value)
	c.size += need
}

func (c *chunker) flush() {
	payload, err := json.Marshal(c.message)
	if err != nil {
		c.err = fmt.Errorf("encoding a hint: %w", err)
		return
	}
	c.payloads = append(c.payloads, string(payload))
}

// decode reads what encode wrote and says who sent it.
func decode(payload string) (from string, h Hint, err error) {
	var m message
	if err := json.Unmarshal([]byte(payload), &m); err != nil {
		return "", Hint{}, fmt.Errorf("decoding a hint: %w", err)
	}
	return m.From, Hint{
		Queues: m.Queues, Executions: m.Executions, Cancelled: m.Cancelled, Watched: m.Watched, Changed: m.Changed,
		Functions: m.Functions, All: m.All,
	}, nil
}
