package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/log"
	"pgregory.net/rapid"
)

func TestConfigDefaults(t *testing.T) {
	c := NewConfig()
	if c.Bind() != "127.0.0.1 -::1" || c.Port() != 6379 || c.Dir() != "altilium-data" || c.UnixSocket() != "" {
		t.Errorf("listens on %q, port %d, socket %q, data in %q", c.Bind(), c.Port(), c.UnixSocket(), c.Dir())
	}
	if c.Fsync() != log.EverySec || c.SegmentSize() != log.DefaultSegmentSize || c.Retention() != "2GB" || c.checkpointGrowth() != 64<<20 {
		t.Errorf("fsync %v, segments of %d, retention %q, growth %d", c.Fsync(), c.SegmentSize(), c.Retention(), c.checkpointGrowth())
	}
	if c.Timeout() != 0 || c.TCPKeepAlive() != 300 || c.maxClients() != 10000 || !c.protectedMode() || c.password() != "" {
		t.Errorf("timeout %d, keepalive %d, clients %d, protected %v, password %q", c.Timeout(), c.TCPKeepAlive(), c.maxClients(), c.protectedMode(), c.password())
	}
	if c.QueryBufferLimit() != 1<<30 || c.LogLevel() != "notice" || !c.activeExpire() || c.debugAllowed() != "local" {
		t.Errorf("query buffer %d, level %q, active expiry %v, debug %q", c.QueryBufferLimit(), c.LogLevel(), c.activeExpire(), c.debugAllowed())
	}
}

// TestParams: the table is complete and its names are one another's strangers.
func TestParams(t *testing.T) {
	c := NewConfig()
	seen := map[string]bool{}
	for p := range c.Params() {
		for _, name := range []string{p.Name, p.Short, p.Alias} {
			if name == "" {
				continue
			}
			if seen[name] || name != strings.ToLower(name) || strings.ContainsAny(name, " _*?[") {
				t.Errorf("the name %q is taken or no name", name)
			}
			seen[name] = true
			if found, ok := c.Lookup(strings.ToUpper(name)); !ok || found.Name != p.Name {
				t.Errorf("%q finds %q", name, found.Name)
			}
		}
		if p.Kind == "" || !strings.HasSuffix(p.Doc, ".") {
			t.Errorf("%s: kind %q, doc %q", p.Name, p.Kind, p.Doc)
		}
		if err := c.Set(p.Name, p.Default); err != nil {
			t.Errorf("the default of %s: %v", p.Name, err)
		}
		before, _ := c.Get(p.Name)
		if err := c.Set(p.Name, before); err != nil {
			t.Errorf("%s does not take what it says, %q: %v", p.Name, before, err)
		}
		if after, _ := c.Get(p.Name); after != before {
			t.Errorf("%s was %q and is %q", p.Name, before, after)
		}
	}
	for _, name := range []string{"host", "fsync", "port", "requirepass", "dir", "retention"} {
		if !seen[name] {
			t.Errorf("there is no setting %s", name)
		}
	}
}

func TestConfigSet(t *testing.T) {
	for _, test := range []struct{ name, text, want, err string }{
		{name: "port", text: "7000", want: "7000"},
		{name: "PORT", text: "0", want: "0"},
		{name: "port", text: "65536", err: `port = "65536": argument must be between 0 and 65535 inclusive (it takes: integer 0..65535)`},
		{name: "port", text: "-1", err: "between 0 and 65535"},
		{name: "port", text: "six", err: "couldn't be parsed into an integer"},
		{name: "host", text: "0.0.0.0", want: "0.0.0.0"},
		{name: "fsync", text: "Always", want: "always"},
		{name: "fsync", text: "sometimes", err: "everysec, always, no"},
		{name: "segment-size", text: "1mb", want: "1048576"},
		{name: "segment-size", text: "1m", want: "1000000"},
		{name: "segment-size", text: "1", err: "between 65536"},
		{name: "checkpoint-growth", text: "2GB", want: "2147483648"},
		{name: "checkpoint-growth", text: "2g", want: "2000000000"},
		{name: "checkpoint-growth", text: "100kb", want: "102400"},
		{name: "checkpoint-growth", text: "100k", want: "100000"},
		{name: "checkpoint-growth", text: "7b", want: "7"},
		{name: "checkpoint-growth", text: "", err: "memory value"},
		{name: "checkpoint-growth", text: "mb", err: "memory value"},
		{name: "checkpoint-growth", text: "1bm", err: "memory value"},
		{name: "checkpoint-growth", text: "-1", err: "memory value"},
		{name: "checkpoint-growth", text: "9999999999gb", err: "memory value"},
		{name: "protected-mode", text: "YES", want: "yes"},
		{name: "protected-mode", text: "1", err: "'yes' or 'no'"},
		{name: "loglevel", text: "Warning", want: "warning"},
		{name: "hz", text: "0", want: "1"},
		{name: "appendonly", text: "no", err: "cannot be turned off"},
		{name: "appendonly", text: "yes", want: "yes"},
		{name: "databases", text: "16", want: "16"},
		{name: "databases", text: "8", err: "part of the data's format"},
		{name: "maxmemory", text: "0b", want: "0"},
		{name: "maxmemory", text: "1gb", want: "1073741824"},
		{name: "maxmemory", text: "much", err: "must be a memory value"},
		{name: "maxmemory-policy", text: "AllKeys-LRU", want: "allkeys-lru"},
		{name: "maxmemory-policy", text: "lru", err: "must be one of the following: volatile-lru, volatile-lfu,"},
		{name: "maxmemory-samples", text: "0", err: "between 1 and"},
		{name: "hash-max-ziplist-entries", text: "512", want: "512"},
		{name: "hash-max-ziplist-entries", text: "1", err: "encodings follow from the events"},
		{name: "client-output-buffer-limit", text: "replica 1 2 3", want: "normal 0 0 0 slave 1 2 3 pubsub 33554432 8388608 60"},
		{name: "enable-debug-command", text: "yes", want: "yes"},
		{name: "prot", text: "1", err: `unknown setting "prot"; did you mean "port"?`},
		{name: "requirepas", text: "1", err: `did you mean "requirepass"?`},
		{name: "colour-of-the-sky", text: "blue", err: `unknown setting "colour-of-the-sky"`},
	} {
		c := NewConfig()
		err := c.Set(test.name, test.text)
		got, _ := c.Get(test.name)
		switch {
		case test.err == "" && (err != nil || got != test.want):
			t.Errorf("%s = %q: %q, %v, not %q", test.name, test.text, got, err, test.want)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%s = %q: the error is %v, not %q", test.name, test.text, err, test.err)
		case test.err != "":
			if p, ok := c.Lookup(test.name); ok {
				if now, _ := NewConfig().Get(p.Name); got != now {
					t.Errorf("%s = %q was refused and changed it to %q", test.name, test.text, got)
				}
			}
		}
	}
}

func TestConfigSetHidesSecrets(t *testing.T) {
	c := NewConfig()
	c.Check("requirepass", func(string) error { return errors.New("too short") })
	if err := c.Set("requirepass", "hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is %v", err)
	}
}

// TestConfigCheck: a check that was added holds for Set and for CONFIG SET.
func TestConfigCheck(t *testing.T) {
	cfg := NewConfig()
	cfg.Check("retention", func(text string) error {
		if text != "all" && text != "2GB" {
			return errors.New(`want "all" or a size`)
		}
		return nil
	})
	var changed []string
	cfg.OnChange(func(name string) { changed = append(changed, name) })
	if err := cfg.Set("retention", "some"); err == nil || !strings.Contains(err.Error(), `want "all"`) {
		t.Fatalf("the error is %v", err)
	}
	h := newHarness(t, setup{change: func(o *Options) { o.Config = cfg }})
	c := h.connect()
	c.want(`-ERR CONFIG SET failed (possibly related to argument 'retention') - want "all" or a size`, "CONFIG SET retention some timeout 9")
	c.want("+OK", "CONFIG SET RETENTION all timeout 0 hz 11")
	if !slices.Equal(changed, []string{"retention", "hz"}) {
		t.Errorf("told of %v", changed)
	}
	if cfg.Retention() != "all" {
		t.Errorf("retention is %q", cfg.Retention())
	}
}

// TestConfigSetFsync: the log is told, and when there is none yet, nothing is
// changed that it would not hear of.
func TestConfigSetFsync(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.want("+OK", "CONFIG SET appendfsync always")
	if h.log.Policy() != log.Always {
		t.Errorf("the log's policy is %v", h.log.Policy())
	}
	c.do("SET k v")
	if h.log.Durable() != 1 {
		t.Errorf("after an acknowledged write under always @%d is durable", h.log.Durable())
	}
	loading := New(Options{})
	d := &client{h: h, addr: "127.0.0.1:1"}
	d.s, _ = loading.Open(d)
	d.s.Run([][][]byte{words("CONFIG SET timeout 5 appendfsync always"), words("CONFIG GET timeout"), words("CONFIG SET timeout 7")}, &d.out)
	loading.Commit()
	if got := flat(d.take()); got != "-"+loadingText+" *2 $7 timeout $1 0 +OK" {
		t.Errorf("while loading: %s", got)
	}
}

func TestConfigSetActiveExpire(t *testing.T) {
	h := newHarness(t, setup{})
	c := h.connect()
	c.want("+OK +OK", "CONFIG SET active-expire no", "SET k v PX 1")
	h.advance(1e9)
	h.e.Tick()
	if h.log.Last() != 1 {
		t.Fatal("a key was removed although active expiry is off")
	}
	c.want("+OK", "CONFIG SET active-expire yes")
	h.e.Tick()
	if h.log.Last() != 2 {
		t.Fatal("the key was not removed although active expiry is on")
	}
}

// TestConfigSetIsAtomic changes random settings, good and bad: after an error
// nothing has changed, otherwise everything has.
func TestConfigSetIsAtomic(t *testing.T) {
	values := map[string][]string{
		"timeout": {"1", "2", "-1", "x"}, "hz": {"10", "20", "y"}, "maxclients": {"5", "0", "7"},
		"appendfsync": {"no", "always", "never"}, "save": {"", "1 2", "1"}, "maxmemory": {"0", "1"},
		"port": {"1"}, "nosuch": {"1"},
	}
	names := []string{"timeout", "hz", "maxclients", "appendfsync", "save", "maxmemory", "port", "nosuch"}
	all := func(c *Config) (text string) {
		for p := range c.Params() {
			v, _ := c.Get(p.Name)
			text += p.Name + "=" + v + ";"
		}
		return text
	}
	rapid.Check(t, func(t *rapid.T) {
		c := NewConfig()
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			var pairs [][]byte
			for range rapid.IntRange(1, 4).Draw(t, "pairs") {
				name := rapid.SampledFrom(names).Draw(t, "name")
				pairs = append(pairs, []byte(name), []byte(rapid.SampledFrom(values[name]).Draw(t, "value")))
			}
			before := all(c)
			_, problem := c.change(pairs)
			if problem != "" && all(c) != before {
				t.Fatalf("%q was refused (%s) and changed\n%s to\n%s", pairs, problem, before, all(c))
			}
			for i := 0; problem == "" && i < len(pairs); i += 2 {
				if got, _ := c.Get(string(pairs[i])); got != string(pairs[i+1]) {
					t.Fatalf("%q was taken and %s is %q", pairs, pairs[i], got)
				}
			}
		}
	})
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"", "0", "1k", "1KB", "9223372036854775807", "9gb", "bkmg", "-1b", "1 mb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parseSize(text)
		if n < 0 || !ok && n != 0 {
			t.Fatalf("%q is %d, %v", text, n, ok)
		}
	})
}
