// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package runtimeinfo

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestContainerMemory(t *testing.T) {
	cases := map[string]struct {
		groups string
		files  map[string]string
		want   int64
		ok     bool
	}{
		"version 2 in a container": {
			groups: "0::/\n", files: map[string]string{"memory.max": "268435456\n"}, want: 256 << 20, ok: true,
		},
		"version 2 with the host's path": {
			groups: "0::/kubepods.slice/pod1/container1\n", files: map[string]string{"memory.max": "268435456\n"}, want: 256 << 20, ok: true,
		},
		"version 2, the pod is tighter than the container": {
			groups: "0::/pod/container\n",
			files:  map[string]string{"pod/container/memory.max": "max\n", "pod/memory.max": "67108864\n"}, want: 64 << 20, ok: true,
		},
		"version 1": {
			groups: "12:cpu,cpuacct:/docker/a\n9:memory:/docker/a\n",
			files: map[string]string{
				"memory/docker/a/memory.limit_in_bytes": "134217728\n", "memory/memory.limit_in_bytes": "9223372036854771712\n",
			},
			want: 128 << 20, ok: true,
		},
		"no limit":        {groups: "0::/\n", files: map[string]string{"memory.max": "max\n"}},
		"no files":        {groups: "0::/\n"},
		"no such lines":   {groups: "nonsense\n1:cpu:/\n"},
		"not a number":    {groups: "0::/\n", files: map[string]string{"memory.max": "lots\n"}},
		"path with dots":  {groups: "0::/../../a\n", files: map[string]string{"memory.max": "67108864\n"}, want: 64 << 20, ok: true},
		"zero is no use":  {groups: "0::/\n", files: map[string]string{"memory.max": "0\n"}},
		"negative is not": {groups: "0::/\n", files: map[string]string{"memory.max": "-1\n"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			groups, mount := cgroups(t, c.groups, c.files)
			got, ok := containerMemory(groups, mount)
			if ok != c.ok || ok && got != c.want {
				t.Errorf("%d, %t; want %d, %t", got, ok, c.want, c.ok)
			}
		})
	}
	t.Run("no cgroups", func(t *testing.T) {
		if got, ok := containerMemory(filepath.Join(t.TempDir(), "cgroup"), t.TempDir()); ok {
			t.Errorf("%d, want none", got)
		}
	})
}

func FuzzContainerMemory(f *testing.F) {
	f.Add("0::/a\n", "268435456\n")
	f.Add("9:memory:/docker/a\n", "max")
	f.Fuzz(func(t *testing.T, groups, limit string) {
		root := t.TempDir()
		for name, content := range map[string]string{"cgroup": groups, "memory.max": limit} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if bytes, ok := containerMemory(filepath.Join(root, "cgroup"), root); ok && (bytes <= 0 || bytes >= unlimitedFrom) {
			t.Errorf("%q in %q: %d", limit, groups, bytes)
		}
	})
}

func TestApply(t *testing.T) {
	before := Current()
	t.Cleanup(before.Apply)
	want := Settings{GOGC: 42, MemoryLimitBytes: 1 << 30}
	want.Apply()
	if diff := cmp.Diff(want, Current()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	off := Settings{GOGC: -1, MemoryLimitBytes: 1 << 31}
	off.Apply()
	if diff := cmp.Diff(off, Current()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestReadingTheSettingsNeverChangesThem(t *testing.T) {
	before := Current()
	t.Cleanup(before.Apply)
	want := Settings{GOGC: 123, MemoryLimitBytes: 1 << 40}
	want.Apply()
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 2000 {
				if got := Current(); got != want {
					t.Errorf("%+v while others read, want %+v", got, want)
					return
				}
			}
		})
	}
	readers.Wait()
	if got := Current(); got != want {
		t.Errorf("%+v after concurrent reads, want %+v", got, want)
	}
}

func TestAPercentageBeyondTheRuntimesRangeIsNotCutToAnother(t *testing.T) {
	before := Current()
	t.Cleanup(before.Apply)
	Settings{GOGC: 1 << 32, MemoryLimitBytes: before.MemoryLimitBytes}.Apply()
	if got := Current().GOGC; got != MaxGOGC && got != -1 {
		t.Errorf("GOGC is %d", got)
	}
}

// cgroups lays out a process's list of groups and the files below the mount point, and returns the paths of both.
func cgroups(t *testing.T, groups string, files map[string]string) (list, mount string) {
	t.Helper()
	root := t.TempDir()
	list, mount = filepath.Join(root, "cgroup"), filepath.Join(root, "mount")
	write := func(path, content string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(list, groups)
	for path, content := range files {
		write(filepath.Join(mount, path), content)
	}
	return list, mount
}
