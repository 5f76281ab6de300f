<?php
// The commands of php-memcached against host and port given; ends with the number of checks made.
$made = 0;

function check($found, $wanted): void
{
    global $made;
    $made++;
    if ($found !== $wanted) {
        echo "check $made: found ", var_export($found, true), ', wanted ', var_export($wanted, true), "\n";
        exit(1);
    }
}

$client = new Memcached();
$client->setOption(Memcached::OPT_BINARY_PROTOCOL, false);
$client->addServer($argv[1], (int)$argv[2]);

check($client->set('text', 'one'), true);
check($client->get('text'), 'one');
check($client->get('none'), false);
check($client->getResultCode(), Memcached::RES_NOTFOUND);
check($client->set('array', ['a' => [1, 2.5, null], 'b' => true]), true);
check($client->get('array'), ['a' => [1, 2.5, null], 'b' => true]);
check($client->add('text', 'two'), false);
check($client->getResultCode(), Memcached::RES_NOTSTORED);
check($client->add('new', 'two'), true);
check($client->replace('absent', 'x'), false);
check($client->replace('new', 'three'), true);
check($client->set('number', 10), true);
check($client->increment('number', 5), 15);
check($client->decrement('number', 20), 0);
check($client->increment('absent'), false);
$client->setOption(Memcached::OPT_COMPRESSION, false);
check($client->set('raw', 'middle'), true);
check($client->append('raw', '>'), true);
check($client->prepend('raw', '<'), true);
check($client->get('raw'), '<middle>');
$client->setOption(Memcached::OPT_COMPRESSION, true);

$many = [];
for ($i = 0; $i < 300; $i++) {
    $many["m$i"] = "value $i";
}
check($client->setMulti($many), true);
check($client->getMulti(array_keys($many)), $many);
check($client->getDelayed(['m1', 'm2'], true), true);
check(count($client->fetchAll()), 2);

$extended = $client->get('text', null, Memcached::GET_EXTENDED);
check($extended['value'], 'one');
check($client->cas($extended['cas'], 'text', 'swapped'), true);
check($client->cas($extended['cas'], 'text', 'lost'), false);
check($client->getResultCode(), Memcached::RES_DATA_EXISTS);
check($client->get('text'), 'swapped');

$large = str_repeat(implode('', array_map('chr', range(0, 255))), 3000);
check($client->set('large', $large), true);
check($client->get('large') === $large, true);
check($client->touch('text', 1000), true);
check($client->touch('absent', 1000), false);
check($client->delete('text'), true);
check($client->delete('text'), false);
check($client->set('gone', 'x', -1), true);
check($client->get('gone'), false);

$server = "$argv[1]:$argv[2]";
check(strncmp($client->getVersion()[$server], '1.6', 3), 0);
check(isset($client->getStats()[$server]['curr_items']), true);

$silent = new Memcached();
$silent->setOption(Memcached::OPT_NOREPLY, true);
$silent->addServer($argv[1], (int)$argv[2]);
for ($i = 0; $i < 100; $i++) {
    $silent->set("s$i", "silent $i");
}
check($silent->get('s99'), 'silent 99');
check($client->flush(), true);
check($client->get('m1'), false);
echo "$made checks\n";
