package session

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/altilium-db/altilium/resp"
)

// SendOptions say how a recording is sent to another server.
type SendOptions struct {
	// Speed is how much faster than recorded: 1 is the original speed, 10 ten
	// times it, 0 as fast as the server answers.
	Speed float64
	// Timeout bounds the wait for one reply. Default: 30 s.
	Timeout time.Duration
	// Compare calls Diverged for every reply that differs from the recorded
	// one. Without it replies are read and only counted.
	Compare bool
	// Diverged is told each difference; returning false stops the run.
	Diverged func(Divergence) bool
	// Password is what the server wants, "" for nothing. A recording has
	// pseudonyms instead of passwords: that of the one which was set when it
	// began is replaced by this, and where there was none each connection
	// authenticates itself first.
	Password string
	// Dial opens one connection to the server.
	Dial func(ctx context.Context) (net.Conn, error)
}

// SendResult sums up a run against another server.
type SendResult struct {
	Result
	Errors  int64 // error replies that were not recorded as errors
	Elapsed time.Duration
	Late    time.Duration // the most that a command was sent after its time
}

// Send plays the recording over the network: a connection for each recorded
// one, every command in the recorded order, each waiting for its reply before
// the next is sent, since the order across connections is part of what was
// recorded. What a server closes by itself (QUIT, CLIENT KILL) stays closed.
//
// That holds for clients that wanted no replies too. Whether a command without a
// reply has been executed cannot be known from outside: a server that reads its
// connections side by side may execute it after what others were sent later. So
// none is without: CLIENT REPLY OFF and SKIP are sent as CLIENT REPLY ON, and what
// then is answered where nothing was recorded is read and not compared.
//
// The lines that MONITOR brings tell times and addresses, which are others there. So it
// is sent as CLIENT REPLY ON too, which is answered alike, and lines are not waited for.
func Send(ctx context.Context, r *Reader, o SendOptions) (SendResult, error) {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	s := sender{o: o, conns: map[uint64]*remote{}, began: time.Now(), pseudonym: r.Header.Settings["requirepass"]}
	defer s.closeAll()
	err := s.run(ctx, r)
	s.res.Elapsed = time.Since(s.began)
	return s.res, err
}

type sender struct {
	o     SendOptions
	conns map[uint64]*remote
	began time.Time
	first int64 // µs since 1970 of the first command
	res   SendResult

	pseudonym string // of the password that the recording began with
}

type remote struct {
	conn net.Conn
	in   *resp.Reader

	queued bool // the transaction has a CLIENT REPLY ON of ours in it, which is answered
}

func (s *sender) run(ctx context.Context, r *Reader) error {
	for {
		step, err := r.Next()
		if errors.Is(err, io.EOF) {
			s.res.Complete = r.Complete()
			return nil
		}
		if err != nil {
			return err
		}
		s.res.Steps++
		goOn, err := s.step(ctx, step)
		if err != nil {
			return fmt.Errorf("step %d: %w", s.res.Steps, err)
		}
		if !goOn {
			return nil
		}
	}
}

func (s *sender) step(ctx context.Context, step resp.Step) (goOn bool, err error) {
	switch step.Kind {
	case resp.StepConnect:
		conn, err := s.o.Dial(ctx)
		if err != nil {
			return false, err
		}
		c := &remote{conn: conn, in: resp.NewReader(bufio.NewReader(conn))}
		s.conns[step.Conn] = c
		if s.o.Password != "" && s.pseudonym == "" {
			return true, s.authenticate(c)
		}
	case resp.StepDisconnect:
		s.drop(step.Conn)
	case resp.StepPrelude, resp.StepCommand:
		return s.command(ctx, step)
	case resp.StepWait:
		return s.wait(ctx, step)
	case resp.StepPush:
		return s.pushed(step)
	}
	return true, nil
}

// authenticate sends a password that the recording does not have.
func (s *sender) authenticate(c *remote) error {
	if err := c.conn.SetDeadline(time.Now().Add(s.o.Timeout)); err != nil {
		return err
	}
	if _, err := c.conn.Write(resp.AppendCommand(nil, []byte("AUTH"), []byte(s.o.Password))); err != nil {
		return err
	}
	v, err := c.in.Read()
	if err == nil && v.IsError() {
		err = errors.New("AUTH: " + v.Text())
	}
	return err
}

// words are a step's arguments with the password in its pseudonym's place.
func (s *sender) words(step resp.Step) [][]byte {
	args := step.Args
	if s.o.Password == "" || s.pseudonym == "" {
		return args
	}
	for i, a := range args {
		if string(a) == s.pseudonym {
			args = slices.Clone(args)
			args[i] = []byte(s.o.Password)
		}
	}
	return args
}

func is(arg []byte, word string) bool { return bytes.EqualFold(arg, []byte(word)) }

// silences reports whether a command asks for no replies.
func silences(args [][]byte) bool {
	return len(args) == 3 && is(args[0], "CLIENT") && is(args[1], "REPLY") && (is(args[2], "OFF") || is(args[2], "SKIP"))
}

// monitors reports whether a step has begun MONITOR, or has been answered nothing because it
// had before. Within a transaction it is refused, and sent as it is.
func monitors(step resp.Step) bool {
	return len(step.Args) == 1 && is(step.Args[0], "MONITOR") &&
		(len(step.Reply) == 0 || step.Reply[0] == '+' && string(step.Reply) != "+QUEUED\r\n")
}

// isLine reports whether what was pushed is a line of MONITOR: nothing else is so simple.
func isLine(frame []byte) bool { return len(frame) > 0 && frame[0] == '+' }

// replyOn is sent instead.
func replyOn() [][]byte { return [][]byte{[]byte("CLIENT"), []byte("REPLY"), []byte("ON")} }

// longer is told every command with the server's reply to what was sent for it. It
// reports whether that is the reply of a transaction with one of ours in it.
func (c *remote) longer(args [][]byte, raw []byte) bool {
	queued := c.queued
	switch {
	case silences(args) && string(raw) == "+QUEUED\r\n":
		c.queued = true
	case is(args[0], "EXEC"):
		c.queued = false
		return queued
	case is(args[0], "DISCARD") || is(args[0], "RESET"):
		c.queued = false
	}
	return false
}

func (s *sender) command(ctx context.Context, step resp.Step) (goOn bool, err error) {
	c := s.conns[step.Conn]
	if c == nil {
		return true, nil // the server closed it; the recording's rest of it has nobody to talk to
	}
	if step.Kind == resp.StepCommand {
		if err := s.pace(ctx, step.Arrived); err != nil {
			return false, err
		}
	}
	words := s.words(step)
	if silences(step.Args) || monitors(step) {
		words = replyOn()
	}
	raw, err := c.ask(words, values(step), s.o.Timeout)
	if errors.Is(err, io.EOF) {
		s.drop(step.Conn)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if longer := c.longer(step.Args, raw); longer || step.Kind == resp.StepPrelude || len(step.Reply) == 0 {
		return true, nil
	}
	return s.judge(step, raw), nil
}

// wait sends a command that waits, and does not. Nothing tells that it has arrived.
func (s *sender) wait(ctx context.Context, step resp.Step) (goOn bool, err error) {
	c := s.conns[step.Conn]
	if c == nil {
		return true, nil
	}
	if err := s.pace(ctx, step.Arrived); err != nil {
		return false, err
	}
	return true, c.tell(s.words(step), s.o.Timeout)
}

// pushed waits for what the server sends besides replies.
func (s *sender) pushed(step resp.Step) (goOn bool, err error) {
	c := s.conns[step.Conn]
	if c == nil || isLine(step.Reply) {
		return true, nil
	}
	raw, err := c.read(1, s.o.Timeout)
	if errors.Is(err, io.EOF) {
		s.drop(step.Conn)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return s.judge(step, raw), nil
}

// values is how many values a reply is: of SUBSCRIBE and its kin one for each channel.
func values(step resp.Step) (n int) {
	if !bytes.HasSuffix(bytes.ToUpper(step.Args[0]), []byte("SUBSCRIBE")) {
		return 1
	}
	in := resp.NewReader(bytes.NewReader(step.Reply))
	for {
		if _, err := in.ReadRaw(); err != nil {
			return max(n, 1)
		}
		n++
	}
}

// ask sends a command and waits for its reply of n values, in wire form.
func (c *remote) ask(words [][]byte, n int, timeout time.Duration) ([]byte, error) {
	if err := c.tell(words, timeout); err != nil {
		return nil, err
	}
	return c.read(n, timeout)
}

// tell sends a command.
func (c *remote) tell(words [][]byte, timeout time.Duration) error {
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	_, err := c.conn.Write(resp.AppendCommand(nil, words...))
	return err
}

// read waits for n values.
func (c *remote) read(n int, timeout time.Duration) (all []byte, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	for range n {
		raw, err := c.in.ReadRaw()
		if err != nil {
			return nil, err
		}
		all = append(all, raw...)
	}
	return all, nil
}

// judge counts a reply and reports whether the run goes on.
func (s *sender) judge(step resp.Step, got []byte) bool {
	s.res.Commands++
	if len(got) > 0 && got[0] == '-' && step.Reply[0] != '-' {
		s.res.Errors++
	}
	if !s.o.Compare || SameReply(step, got) {
		return true
	}
	s.res.Divergences++
	return s.o.Diverged == nil || s.o.Diverged(Divergence{
		Step: s.res.Steps, Conn: step.Conn, Clock: step.Clock, Args: step.Args, Expected: step.Reply, Got: got,
	})
}

// pace waits until a command that arrived at the given time is due.
func (s *sender) pace(ctx context.Context, arrived int64) error {
	if s.first == 0 {
		s.first, s.began = arrived, time.Now()
	}
	if s.o.Speed <= 0 {
		return ctx.Err()
	}
	due := s.began.Add(time.Duration(float64(arrived-s.first) / s.o.Speed * float64(time.Microsecond)))
	wait := time.Until(due)
	if wait <= 0 {
		s.res.Late = max(s.res.Late, -wait)
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (s *sender) drop(id uint64) {
	if c := s.conns[id]; c != nil {
		c.conn.Close()
		delete(s.conns, id)
	}
}

func (s *sender) closeAll() {
	for id := range s.conns {
		s.drop(id)
	}
}
