// Go: servers, and the workloads of one process.
// go-bench echo PORT | http PORT | udp PORT | tls PORT FILE | WORKLOAD
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"math"
	"math/rand"
	"net"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var peer = "go"

func out(wl string, v float64, unit string) { fmt.Printf("%s %s %.3f %s\n", peer, wl, v, unit) }

func rss() int64 {
	f, _ := os.Open("/proc/self/smaps_rollup")
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if strings.HasPrefix(s.Text(), "Rss:") {
			n, _ := strconv.ParseInt(strings.Fields(s.Text())[1], 10, 64)
			return n * 1024
		}
	}
	return 0
}

func ns(t time.Time, n int) float64 { return float64(time.Since(t).Nanoseconds()) / float64(n) }

func listen(port string) net.Listener {
	network, address := "tcp4", "0.0.0.0:"+port
	if strings.Contains(port, "/") {
		network, address = "unix", port
	}
	l, err := net.Listen(network, address)
	if err != nil {
		panic(err)
	}
	return l
}

func listenTLS(port, file string) net.Listener {
	pair, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		panic(err)
	}
	return tls.NewListener(listen(port), &tls.Config{Certificates: []tls.Certificate{pair}})
}

func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			continue
		}
		go func() {
			b := make([]byte, 65536)
			for {
				n, err := c.Read(b)
				if n > 0 {
					if _, e := c.Write(b[:n]); e != nil {
						break
					}
				}
				if err != nil {
					break
				}
			}
			c.Close()
		}()
	}
}

func udp(port string) {
	addr, err := net.ResolveUDPAddr("udp4", "0.0.0.0:"+port)
	if err != nil {
		panic(err)
	}
	c, err := net.ListenUDP("udp4", addr)
	if err != nil {
		panic(err)
	}
	b := make([]byte, 2048)
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err == nil {
			c.WriteToUDPAddrPort(b[:n], from)
		}
	}
}

func mem(n int, tag string) {
	runtime.GC()
	a := rss()
	var started sync.WaitGroup
	ch := make(chan struct{})
	started.Add(n)
	t := time.Now()
	for i := 0; i < n; i++ {
		go func() { started.Done(); <-ch }()
	}
	started.Wait()
	out("memory_"+tag+"_create", ns(t, n), "ns/task")
	out("memory_"+tag, float64(rss()-a)/float64(n), "B/task")
	close(ch)
}

func flood(q chan func()) {
	const M = 3000000
	cnt := 0
	fin := make(chan int)
	t := time.Now()
	for i := 0; i < M; i++ {
		q <- func() {
			cnt++
			if cnt == M {
				fin <- 1
			}
		}
	}
	<-fin
	out("post_flood", float64(M)/time.Since(t).Seconds(), "posts/s")
}

func main() {
	wl := os.Args[1]
	switch wl {
	case "echo":
		echo(listen(os.Args[2]))
	case "tls":
		echo(listenTLS(os.Args[2], os.Args[3]))
	case "udp":
		udp(os.Args[2])
	case "http":
		body := []byte("Hello")
		answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Write(body)
		})
		http.ListenAndServe("0.0.0.0:"+os.Args[2], answer)
	}
	switch wl {
	case "pipe":
		pipes(wl, 100000, 64)
	case "pipe_64k":
		pipes(wl, 10000, 65536)
	case "names":
		names()
	case "spawn_10m":
		spawn(wl, 10)
	case "spawn_4g":
		spawn(wl, 4096)
	case "direct":
		direct()
	case "switch":
		const N = 5000000
		var wg sync.WaitGroup
		wg.Add(2)
		t := time.Now()
		for k := 0; k < 2; k++ {
			go func() {
				for i := 0; i < N; i++ {
					runtime.Gosched()
				}
				wg.Done()
			}()
		}
		wg.Wait()
		out("switch", ns(t, 2*N), "ns")
	case "spawn_join":
		const N = 1000000
		t := time.Now()
		for i := 0; i < N; i++ {
			c := make(chan int, 1)
			go func() { c <- i }()
			<-c
		}
		out("spawn_join", ns(t, N), "ns")
	case "spawn_gather":
		const N, R = 10000, 50
		var x int64
		t := time.Now()
		for r := -1; r < R; r++ {
			if r == 0 { // the first time was for the memory
				t = time.Now()
			}
			var wg sync.WaitGroup
			wg.Add(N)
			for i := 0; i < N; i++ {
				go func() { atomic.AddInt64(&x, 1); wg.Done() }()
			}
			wg.Wait()
		}
		out("spawn_gather", ns(t, N*R), "ns/task")
	case "memory_100k":
		mem(100000, "100k")
	case "memory_1m":
		mem(1000000, "1m")
	case "timer_cancel":
		const N = 1000000
		ts := make([]*time.Timer, N)
		t := time.Now()
		for round := -1; round < 1; round++ { // the first time is for the memory
			t = time.Now()
			for i := range ts {
				ts[i] = time.AfterFunc(time.Second+time.Duration(rand.Int63n(60e9)), func() {})
			}
			for i := range ts {
				ts[i].Stop()
			}
		}
		out("timer_cancel", ns(t, N), "ns")
	case "sleepers", "sleepers_10k":
		N := 100000
		if wl == "sleepers_10k" {
			N = 10000
		}
		var wake int64
		late := make([][]int64, N)
		start := time.Now()
		begun, since := int64(0), int64(math.MaxInt64/2) // as in sleepers.h; nanoseconds from the start
		var wg sync.WaitGroup
		wg.Add(N)
		for i := 0; i < N; i++ {
			go func(i int) {
				s := uint64(i)*2654435761 + 88172645463325252
				if atomic.AddInt64(&begun, 1) == int64(N) {
					atomic.StoreInt64(&since, int64(time.Since(start)))
				}
				for {
					s ^= s << 13
					s ^= s >> 7
					s ^= s << 17
					d := time.Duration(s % 100000000)
					t0 := time.Now()
					if int64(t0.Sub(start)) > atomic.LoadInt64(&since)+3e9 {
						break
					}
					time.Sleep(d)
					if int64(time.Since(start)) < atomic.LoadInt64(&since) {
						continue
					}
					late[i] = append(late[i], int64(time.Since(t0)-d))
					atomic.AddInt64(&wake, 1)
				}
				wg.Done()
			}(i)
		}
		wg.Wait()
		el := time.Since(start).Seconds() - float64(since)/1e9
		var all []int64
		for _, l := range late {
			all = append(all, l...)
		}
		sort.Slice(all, func(a, b int) bool { return all[a] < all[b] })
		out(wl, float64(wake)/el, "wakeups/s")
		out(wl+"_p99", float64(all[len(all)*99/100])/1e3, "us")
	case "queue":
		const N = 2000000
		a, b := make(chan int, 1), make(chan int, 1)
		go func() {
			for v := range a {
				b <- v
			}
			close(b)
		}()
		t := time.Now()
		for i := 0; i < N; i++ {
			a <- i
			<-b
		}
		out("queue", ns(t, 2*N), "ns/msg")
		close(a)
	case "lock":
		const T, N = 100, 20000
		var m sync.Mutex
		var wg sync.WaitGroup
		wg.Add(T)
		t := time.Now()
		for k := 0; k < T; k++ {
			go func() {
				for i := 0; i < N; i++ {
					m.Lock()
					runtime.Gosched()
					m.Unlock()
				}
				wg.Done()
			}()
		}
		wg.Wait()
		out("lock", ns(t, T*N), "ns/acquire")
	case "post_rt", "post_flood":
		// another OS thread (LockOSThread) posts closures to a loop goroutine and waits for the answer
		q := make(chan func(), 1024)
		go func() {
			for f := range q {
				f()
			}
		}()
		done := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			const N = 100000
			if wl == "post_flood" {
				flood(q)
				close(done)
				return
			}
			r := make(chan int, 1)
			t := time.Now()
			for i := 0; i < N; i++ {
				q <- func() { r <- 1 }
				<-r
			}
			out("post_rt", ns(t, N)/1e3, "us")
			close(done)
		}()
		<-done
	}
}
