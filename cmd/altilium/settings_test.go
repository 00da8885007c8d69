package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/engine"
	"github.com/spf13/cobra"
)

// loaded gives the settings of a command line with a file.
func loaded(t *testing.T, file string, flags ...string) (*settings, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Config.toml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := &cobra.Command{Use: "x"}
	s := addSettings(cmd)
	if err := cmd.ParseFlags(append([]string{"--config", path}, flags...)); err != nil {
		t.Fatal(err)
	}
	return s, s.load(cmd)
}

// TestEverySettingFromEverywhere sets each setting by each of its names in each
// of the three places to its default, which is a value that it takes.
func TestEverySettingFromEverywhere(t *testing.T) {
	for p := range engine.NewConfig().Params() {
		for _, name := range []string{p.Name, p.Short, p.Alias} {
			if name == "" {
				continue
			}
			s, err := loaded(t, name+" = '"+p.Default+"'\n")
			if err != nil {
				t.Errorf("%s in a file: %v", name, err)
			} else if !strings.HasSuffix(s.source[p.Name], "Config.toml: line 1") {
				t.Errorf("%s in a file comes from %s", name, s.source[p.Name])
			}
			variable := "ALTILIUM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			t.Run(variable, func(t *testing.T) {
				t.Setenv(variable, p.Default)
				s, err := loaded(t, "")
				if err != nil || s.source[p.Name] != "environment "+variable {
					t.Errorf("from %s: %v", s.source[p.Name], err)
				}
			})
			if p.Fixed || name == p.Alias {
				continue
			}
			s, err = loaded(t, name+" = '"+p.Default+"'\n", "--"+name, p.Default)
			if err != nil || s.source[p.Name] != "flag --"+name {
				t.Errorf("--%s: from %s: %v", name, s.source[p.Name], err)
			}
		}
	}
}

func TestConfigFiles(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"nothing", "", ""},
		{"windows", "host = \"127.0.0.1\"\r\nport = 7000\r\n", ""},
		{"byte order mark", "\ufeffport = 7000\n", ""},
		{"capitals", "PORT = 7000\n", ""},
		{"old name", "hash-max-ziplist-entries = 512\n", ""},
		{"twice by two names", "host = \"127.0.0.1\"\nbind = \"::1\"\n", ""},
		{"unknown", "\n\nport = 1\n\nnosuch = 1\n", `line 5: unknown setting "nosuch"`},
		{"unknown with a comment alike", "# nosuch = 1\nnosuch = 1\n", "line 2: unknown setting"},
		{"unknown quoted", "'nosuch' = 1\n", "line 1: unknown setting"},
		{"unknown dotted", "port = 1\nserver.port = 1\n", "line 2: unknown setting"},
		{"unknown after a prefix of it", "port = 1\nportal = 2\n", "line 2: unknown setting"},
		{"password as a number", "requirepass = 7\n", "line 1: requirepass must be text"},
		{"host as a truth", "host = true\n", "line 1: host must be text"},
		{"port as a date", "port = 2026-01-01\n", "line 1: port must be text, a whole number"},
		{"policy", "\nfsync = \"sometimes\"\n", "line 2: appendfsync = \"sometimes\""},
		{"retention", "retention = \"soon\"\n", "line 1: retention"},
		{"password too long a line", "requirepass = \"a\nb\"\n", "line 1"},
		{"binary", "\x00\x01", "line 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := loaded(t, c.file)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "Config.toml")):
				t.Errorf("%v, want %s", err, c.want)
			case err != nil && exitCode(err) != exitUsage:
				t.Errorf("exit code %d", exitCode(err))
			}
		})
	}
}

// TestSecretsAreNotRepeated: an error never prints a password.
func TestSecretsAreNotRepeated(t *testing.T) {
	s, err := loaded(t, "requirepass = \"hunter2\"\n")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	for _, asJSON := range []bool{false, true} {
		if err := s.print(cmd, asJSON); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(out.String(), "hunter2") || strings.Count(out.String(), "(set, not shown)") != 2 {
		t.Errorf("printed:\n%s", out.String())
	}
}

func TestRetention(t *testing.T) {
	for text, want := range map[string]bool{"all": true, "1GB": false, "24h": false} {
		s, err := loaded(t, "", "--retention", text)
		if err != nil {
			t.Fatal(err)
		}
		all, err := loaded(t, "", "--retention", "all")
		if err != nil {
			t.Fatal(err)
		}
		if same := s.retention() == all.retention(); same != want {
			t.Errorf("%s is all: %v", text, same)
		}
	}
}
