package past

import (
	"fmt"
	"slices"
	"strings"

	"github.com/altilium-db/altilium/state/command"
)

// ParseExpr reads a condition. The error is an *ExprError.
func ParseExpr(table *command.Table, text string) (*Expr, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := parser{table: table, tokens: tokens}
	root, err := p.either()
	if err == nil && !p.at(end) {
		err = p.unexpected("the end, and, or or an operator")
	}
	if err != nil {
		return nil, err
	}
	asks := false
	root.commands(func(*node) { asks = true })
	if !asks {
		return nil, &ExprError{1, "it asks nothing: a condition has a command in it, such as GET stock >= 0"}
	}
	return &Expr{text: text, root: root}, nil
}

// form is what a token is.
type form uint8

const (
	end form = iota
	word
	operator
	keyword // and, or, not
	open
	closing
)

// token is a word of a condition.
type token struct {
	form   form
	text   string
	quoted bool
	pos    int // in bytes, from 1
}

func isKeyword(w string) bool {
	return slices.Contains([]string{"and", "or", "not", "contains"}, strings.ToLower(w))
}

// lex takes a condition apart; the last token is the end.
func lex(s string) (all []token, err error) {
	for i := 0; ; {
		for i < len(s) && isBlank(s[i]) {
			i++
		}
		t := token{pos: i + 1}
		if i == len(s) {
			return append(all, t), nil
		}
		switch s[i] {
		case '(':
			t.form, t.text = open, "("
			i++
		case ')':
			t.form, t.text = closing, ")"
			i++
		default:
			if i, err = t.word(s, i); err != nil {
				return nil, err
			}
		}
		all = append(all, t)
	}
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// word reads the word that begins at s[i] and says where it ends.
func (t *token) word(s string, i int) (int, error) {
	var b strings.Builder
	for i < len(s) && !isBlank(s[i]) && s[i] != '(' && s[i] != ')' {
		switch s[i] {
		case '"', '\'':
			n := quotedPart(&b, s[i:])
			if n == 0 {
				return 0, &ExprError{i + 1, "this quotation has no end"}
			}
			t.quoted = true
			i += n
			continue
		case '\\':
			if i+1 == len(s) {
				return 0, &ExprError{i + 1, "nothing follows the backslash"}
			}
			t.quoted = true
			i++
		}
		b.WriteByte(s[i])
		i++
	}
	t.form, t.text = word, b.String()
	return i, t.classify()
}

// classify tells operators and keywords from words.
func (t *token) classify() error {
	lower := strings.ToLower(t.text)
	switch {
	case t.quoted:
	case slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text), lower == "contains":
		t.form, t.text = operator, lower
	case isKeyword(t.text):
		t.form, t.text = keyword, lower
	case t.text == "=":
		return &ExprError{t.pos, "= is no operator: == is"}
	case strings.ContainsAny(t.text, "<=>"):
		return &ExprError{t.pos, fmt.Sprintf("%s: an operator stands between blanks; where this is a name, quote it", t.text)}
	}
	return nil
}

// quotedPart reads the quotation at the front of s; n is its length, 0 where it has no end.
func quotedPart(b *strings.Builder, s string) (n int) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i + 1
		case s[i] == '\\' && quote == '"' && i+1 < len(s):
			i += escaped(b, s[i+1:])
		default:
			b.WriteByte(s[i])
		}
	}
	return 0
}

// escaped writes what a backslash before s means, and says how much of s it takes.
func escaped(b *strings.Builder, s string) int {
	switch i := strings.IndexByte("nrtab", s[0]); {
	case i >= 0:
		b.WriteByte("\n\r\t\a\b"[i])
	case s[0] == 'x':
		if len(s) > 2 && strings.IndexByte(hexDigits, s[1]) >= 0 && strings.IndexByte(hexDigits, s[2]) >= 0 {
			b.WriteByte(hexValue(s[1])<<4 | hexValue(s[2]))
			return 3
		}
		b.WriteByte('x')
	default:
		b.WriteByte(s[0])
	}
	return 1
}

const hexDigits = "0123456789abcdefABCDEF"

func hexValue(c byte) byte {
	i := byte(strings.IndexByte(hexDigits, c))
	if i >= 16 {
		i -= 6
	}
	return i
}

// mostDepth bounds parentheses and "not" within one another.
const mostDepth = 100

type parser struct {
	table  *command.Table
	tokens []token
	i      int
	depth  int
}

func (p *parser) now() token { return p.tokens[p.i] }

// at reports whether the next token is of a form and, where a text is given, says that.
func (p *parser) at(f form, text ...string) bool {
	t := p.now()
	return t.form == f && (len(text) == 0 || t.text == text[0])
}

func (p *parser) unexpected(wanted string) error {
	t := p.now()
	if t.form == end {
		return &ExprError{t.pos, "it ends where " + wanted + " must follow"}
	}
	return &ExprError{t.pos, fmt.Sprintf("%s stands where %s must follow", t.text, wanted)}
}

// either is all { "or" all }.
func (p *parser) either() (*node, error) { return p.chain("or", isOr, p.all) }

// all is one { "and" one }.
func (p *parser) all() (*node, error) { return p.chain("and", isAnd, p.one) }

func (p *parser) chain(word string, k kind, part func() (*node, error)) (*node, error) {
	left, err := part()
	for err == nil && p.at(keyword, word) {
		n := &node{kind: k, pos: p.now().pos, left: left}
		p.i++
		n.right, err = part()
		left = n
	}
	return left, err
}

// one is "not" one, or side [ operator side ].
func (p *parser) one() (*node, error) {
	if p.depth++; p.depth > mostDepth {
		return nil, &ExprError{p.now().pos, "it is too deep"}
	}
	defer func() { p.depth-- }()
	if p.at(keyword, "not") {
		n := &node{kind: isNot, pos: p.now().pos}
		p.i++
		var err error
		n.left, err = p.one()
		return n, err
	}
	left, err := p.side(false)
	if err != nil || !p.at(operator) {
		return left, err
	}
	n := &node{kind: isComparison, pos: p.now().pos, left: left, op: p.now().text}
	p.i++
	if n.right, err = p.side(true); err != nil {
		return nil, err
	}
	for _, s := range []*node{n.left, n.right} {
		if s.kind != isValue && s.kind != isCommand {
			return nil, &ExprError{s.pos, "a condition is no side of " + n.op + ": a command or a value is"}
		}
	}
	if p.at(operator) {
		return nil, p.unexpected("and, or, ) or the end")
	}
	return n, nil
}

// side is a condition in parentheses, a value or a command.
func (p *parser) side(afterOperator bool) (*node, error) {
	if p.at(open) {
		p.i++
		n, err := p.either()
		if err != nil {
			return nil, err
		}
		if !p.at(closing) {
			return nil, p.unexpected(")")
		}
		p.i++
		return n, nil
	}
	from := p.i
	for p.at(word) {
		p.i++
	}
	words := p.tokens[from:p.i]
	switch {
	case len(words) == 0:
		return nil, p.unexpected("a command or a value")
	case len(words) == 1 && (afterOperator || isLiteral(words[0])):
		return &node{kind: isValue, pos: words[0].pos, text: []byte(words[0].text)}, nil
	}
	return p.command(words)
}

// isLiteral: the word is a value wherever it stands alone.
func isLiteral(t token) bool {
	_, isNumber := number([]byte(t.text))
	return t.quoted || isNumber
}

// command is a command of these words, if it may be asked of a moment.
func (p *parser) command(words []token) (*node, error) {
	n := &node{kind: isCommand, pos: words[0].pos, args: make([][]byte, len(words))}
	for i, w := range words {
		n.args[i] = []byte(w.text)
	}
	spec, problem := p.table.Lookup(n.args)
	switch {
	case problem != "":
		return nil, &ExprError{n.pos, strings.TrimPrefix(problem, "ERR ")}
	case spec.Flags&command.Write != 0:
		return nil, &ExprError{n.pos, spec.Upper() + " writes; a condition only reads"}
	case spec.Flags&command.Volatile != 0,
		spec.Decide == nil && !slices.Contains([]string{"time", "log|offset", "log|digest"}, spec.FullName()):
		return nil, &ExprError{n.pos, spec.Upper() + " speaks of a connection or a running server, not of data"}
	}
	n.spec = spec
	return n, nil
}
