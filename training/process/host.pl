#!/usr/bin/perl
# The traced host: a web shop (port 8080), and agents that run the commands of people's sessions and of the scheduler.
# A request "RUN command" to an agent forks, becomes the agent's user, runs the command with bash and answers its pid.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX qw(setuid setgid);

my $root = $ENV{SHOP_ROOT} or die "SHOP_ROOT is not set\n";
$SIG{CHLD} = 'IGNORE';

my %agents = (8080 => [www => 33], 2201 => [alice => 1001], 2202 => [bob => 1002], 2203 => [ops => 1003]);
my @children;
for my $port (sort keys %agents) {
    my $pid = fork();
    if ($pid == 0) { serve($port, @{$agents{$port}}); exit 0; }
    push @children, $pid;
}
$SIG{TERM} = sub { kill 'TERM', @children; exit 0; };
sleep 1 while 1;

sub serve {
    my ($port, $user, $uid) = @_;
    my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1)
        or die "$port: $!\n";
    setgid($uid);
    setuid($uid);
    $ENV{HOME} = $user eq 'www' ? "$root/site" : "$root/home/$user";
    $ENV{PATH} = '/usr/local/bin:/usr/bin:/bin';
    chdir $ENV{HOME};
    while (my $client = $server->accept()) {
        my $line = <$client> // '';
        $line =~ s/\s+$//;
        if    ($line =~ /^RUN (.*)/) { print $client run($1), "\n"; }
        elsif ($user eq 'www')       { answer($client, $line); }
        close $client;
    }
}

sub run {
    my ($command) = @_;
    my $pid = fork();
    if ($pid == 0) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec '/bin/bash', '-c', $command;
    }
    return $pid;
}

sub answer {
    my ($client, $line) = @_;
    my ($verb, $path) = $line =~ m{^(GET|PUT) (/[\w./-]*)};
    my $length = 0;
    while (defined(my $header = <$client>)) {
        last if $header =~ /^\r?$/;
        $length = $1 if $header =~ /^Content-Length: (\d+)/i;
        print $client "HTTP/1.1 100 Continue\r\n\r\n" if $header =~ /^Expect/i;
    }
    my $body = '';
    $path //= '/';
    $path =~ s/\.\.//g;
    if (($verb // '') eq 'PUT') {
        read $client, $body, $length;
        (my $name = $path) =~ s{.*/}{};
        if (open my $out, '>', "$root/upload/$name") { print $out $body; close $out; }
        $body = "stored\n";
    } elsif ($path =~ m{^/report/(\d+)$}) {
        $body = `sqlite3 $root/data/shop.db "select item, sum(n) from sales where day = $1 group by item"`;
    } elsif (open my $page, '<', "$root/site$path") {
        local $/;
        $body = <$page>;
        close $page;
    }
    if (open my $log, '>>', "$root/log/access.log") { print $log time(), " $line ", length($body), "\n"; close $log; }
    print $client "HTTP/1.0 200 OK\r\nContent-Length: ", length($body), "\r\n\r\n", $body;
}
