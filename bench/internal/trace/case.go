// Package trace reads editing traces, and says step by step what is measured, for every library the same.
//
// It reads the two formats of the public collection of editing traces: sequential ones, by one author, and concurrent ones,
// whose transactions name their parents.
package trace

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
)

// Kind says what a case is made of.
type Kind string

// Kinds of cases.
const (
	Text   Kind = "text"   // the edits of one author
	Live   Kind = "live"   // several authors with live documents who exchange messages
	Heads  Kind = "heads"  // several authors who insert at the head of one text at the same time
	Append Kind = "append" // items appended to a list by one author
)

// A Case is what is measured, ready to be run. Processes get it as a file of JSON.
type Case struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`

	// Text and Live: edit i deletes Delete[i] code points at At[i] and puts Insert[i] there, at Times[i], Unix seconds.
	At     []int    `json:"at,omitempty"`
	Delete []int    `json:"del,omitempty"`
	Insert []string `json:"ins,omitempty"`
	Times  []int64  `json:"times,omitempty"`
	// At16 and Delete16 count UTF-16 code units; nil if the text never has a character for which that makes a difference.
	At16     []int  `json:"at16,omitempty"`
	Delete16 []int  `json:"del16,omitempty"`
	End      string `json:"end"`

	// Live and Heads.
	Agents int `json:"agents,omitempty"`
	// Live: one after the other.
	Steps    []Step `json:"steps,omitempty"`
	Messages int    `json:"messages,omitempty"` // that steps send
	// Wide says that a live case has characters beyond U+FFFF: its positions in UTF-16 are not known.
	Wide bool `json:"wide,omitempty"`

	// Heads: each of the agents inserts so many characters, each at the head; message m is insert m % Inserts of agent
	// m / Inserts, and Order is the order in which the messages arrive.
	Inserts int   `json:"inserts,omitempty"`
	Order   []int `json:"order,omitempty"`

	// Append: so many items.
	Count int `json:"count,omitempty"`
}

// A Step is {what, agent, x}: x is the edit of an [Edit] and the message of a [Take]; messages are numbered as they are sent.
type Step [3]int

// What a step is.
const (
	Edit = iota // the agent makes edit x
	Send        // the agent sends what it typed since it last sent, as one message
	Take        // the agent takes message x
)

// Edits is the number of keystrokes: edits, inserts or items.
func (c *Case) Edits() int {
	switch c.Kind {
	case Heads:
		return c.Agents * c.Inserts
	case Append:
		return c.Count
	}
	return len(c.At)
}

// NewHeads is the case of so many agents with so many inserts each, all at the head of one text. The messages arrive one author
// after the other, or in an order drawn by chance, the same whenever it is drawn.
func NewHeads(agents, inserts int, random bool) *Case {
	c := &Case{Kind: Heads, Name: "heads-causal", Agents: agents, Inserts: inserts, Order: make([]int, agents*inserts)}
	for m := range c.Order {
		c.Order[m] = m
	}
	if random {
		c.Name = "heads-random"
		rand.New(rand.NewPCG(uint64(agents), uint64(inserts))).Shuffle(len(c.Order), func(i, j int) {
			c.Order[i], c.Order[j] = c.Order[j], c.Order[i]
		})
	}
	return c
}

// NewAppend is the case of count transactions appended to a list.
func NewAppend(count int) *Case {
	return &Case{Kind: Append, Name: "transactions", Count: count}
}

// TypingTimes gives the edits the times of somebody who types some four keys a second, with pauses and days off, in place of the trace's own
// ones, which may all lie within a second. They are the same whenever they are made.
func (c *Case) TypingTimes() []int64 {
	const begin = 1_600_000_000 // in 2020
	r := rand.New(rand.NewPCG(1, uint64(len(c.At))))
	times := make([]int64, len(c.At))
	ms := int64(begin * 1000)
	for i := range times {
		ms += 80 + r.Int64N(300)
		switch {
		case r.IntN(2000) == 0:
			ms += r.Int64N(24 * 3600 * 1000)
		case r.IntN(40) == 0:
			ms += r.Int64N(30 * 1000)
		}
		times[i] = ms / 1000
	}
	return times
}

// Write writes the case to the file at path, for [Read] and for programs in other languages.
func (c *Case) Write(path string) error {
	b, err := json.Marshal(c)
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("case %s: %w", c.Name, err)
	}
	return nil
}

// Read reads a case that [Case.Write] wrote.
func Read(path string) (*Case, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := new(Case)
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("case %s: %w", path, err)
	}
	return c, nil
}
