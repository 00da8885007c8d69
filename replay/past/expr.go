package past

import (
	"fmt"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// Expr is a condition on the state of a moment, see the package comment. It never changes,
// and may be asked by any number of goroutines.
type Expr struct {
	text string
	root *node
}

// ExprError says what is wrong with a condition, and where.
type ExprError struct {
	Pos  int    // in bytes, from 1
	What string // "unknown command …"
}

// Error gives the place and what is wrong.
func (e *ExprError) Error() string {
	return fmt.Sprintf("the condition, at character %d: %s", e.Pos, e.What)
}

// kind is what a node of a condition is.
type kind uint8

const (
	isValue   kind = iota // text
	isCommand             // spec, args
	isNot                 // left
	isAnd                 // left, right
	isOr
	isComparison // left, op, right
)

// node is a part of a condition.
type node struct {
	kind        kind
	pos         int // of what an error is about
	left, right *node
	op          string
	text        []byte
	spec        *command.Spec
	args        [][]byte
}

// String is the condition as it was written.
func (x *Expr) String() string { return x.text }

// Keys are the keys that the condition asks for, in its database; all is true where it may
// depend on anything else besides, such as other keys, or the clock by itself.
func (x *Expr) Keys() (keys [][]byte, all bool) {
	x.root.commands(func(n *node) {
		found := false
		for i := range n.spec.KeyPositions(n.args) {
			keys, found = append(keys, n.args[i]), true
		}
		all = all || !found || beyondKeys(n.spec)
	})
	return keys, all
}

// beyondKeys reports whether a command's reply depends on more than what the keys hold
// that it names.
func beyondKeys(s *command.Spec) bool {
	for _, k := range s.Keys {
		if k.Unknown {
			return true // SORT's patterns
		}
	}
	switch s.FullName() {
	case "ttl", "pttl", "xpending", "xinfo|consumers", "xinfo|stream":
		return true // the clock
	}
	return false
}

// commands hands every command to visit.
func (n *node) commands(visit func(*node)) {
	if n == nil {
		return
	}
	if n.kind == isCommand {
		visit(n)
	}
	n.left.commands(visit)
	n.right.commands(visit)
}

// Judgement is what a condition was at a moment.
type Judgement struct {
	Holds bool
	Asked []string // each command that was carried out, with its reply: `GET stock = "7"`
}

// Judge asks the condition of the state of a reader. The error is an *ExprError.
func (x *Expr) Judge(r *Reader) (Judgement, error) {
	e := evaluation{reader: r}
	holds, err := e.holds(x.root)
	return Judgement{Holds: holds, Asked: e.asked}, err
}

// evaluation is one run of a condition.
type evaluation struct {
	reader *Reader
	asked  []string
}

// holds is the truth of a part.
func (e *evaluation) holds(n *node) (bool, error) {
	switch n.kind {
	case isNot:
		is, err := e.holds(n.left)
		return !is, err
	case isAnd, isOr:
		is, err := e.holds(n.left)
		if err != nil || is == (n.kind == isOr) {
			return is, err
		}
		return e.holds(n.right)
	case isComparison:
		a, err := e.value(n.left)
		if err != nil {
			return false, err
		}
		b, err := e.value(n.right)
		if err != nil {
			return false, err
		}
		return compare(n, a, b)
	}
	v, err := e.value(n)
	return isTrue(v), err
}

// value is what a side of a comparison is.
func (e *evaluation) value(n *node) (resp.Value, error) {
	if n.kind == isValue {
		return resp.Value{Kind: '$', Str: n.text}, nil
	}
	v, err := e.reader.value(n.args)
	if err != nil {
		return v, &ExprError{n.pos, err.Error()}
	}
	if v.IsError() {
		return v, &ExprError{n.pos, fmt.Sprintf("%s answers at %s: %s", n.spec.Upper(), e.reader.At, v.Str)}
	}
	e.asked = append(e.asked, wordsText(n.args)+" = "+shortText(v))
	return v, nil
}
