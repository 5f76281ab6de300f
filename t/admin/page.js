// Drives the page in a headless Chromium: node page.js URL. Prints a line of JSON for each thing looked at.
'use strict';
const {chromium} = require('playwright-core');

const [, , url, executablePath] = process.argv;
const told = {errors: [], outside: [], overflows: []};

async function open(browser, width, colorScheme) {
  const context = await browser.newContext({viewport: {width, height: 844}, colorScheme});
  context.setDefaultTimeout(120000); // a busy machine is slow
  const page = await context.newPage();
  page.on('console', message => { if (message.type() === 'error' || message.type() === 'warning') told.errors.push(message.text()); });
  page.on('pageerror', error => told.errors.push(error.message));
  page.on('request', request => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) told.outside.push(request.url()); });
  await page.goto(url);
  await page.waitForFunction(() => document.querySelectorAll('.tile').length === 6);
  return page;
}

const figures = page => page.evaluate(() => Object.fromEntries([...document.querySelectorAll('.tile')].map(tile => [tile.children[0].textContent, tile.children[1].textContent])));

// Of every text on the page, the least contrast with what is behind it.
const leastContrast = page => page.evaluate(() => {
  const parse = colour => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = parse(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let least = 21;
  for (const element of document.querySelectorAll('body *')) {
    if (element.closest('script') || ![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue;
    const style = getComputedStyle(element), colour = parse(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(colour), light(behind(element))].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
});

(async () => {
  const browser = await chromium.launch({executablePath, args: ['--no-sandbox']});
  const page = await open(browser, 1280, 'light');
  told.before = await figures(page);
  console.log('ready');
  await new Promise(resolve => process.stdin.once('data', resolve)); // the test has put load on the server
  await page.waitForFunction(was => document.querySelectorAll('.tile')[4].children[1].textContent !== was, told.before.Items);
  await page.waitForFunction(() => document.querySelectorAll('td.key').length > 0);
  told.after = await figures(page);
  told.curve = await page.evaluate(() => document.querySelector('#curve p').textContent);
  told.keys = await page.evaluate(() => [...document.querySelectorAll('td.key')].map(cell => cell.textContent));
  told.scripts = await page.evaluate(() => document.querySelectorAll('script').length);
  told.title = await page.title();
  told.judgement = await page.evaluate(() => document.getElementById('judgement').textContent);
  told.reasons = await page.evaluate(() => document.getElementById('reasons').textContent);
  told.judged_at = await page.evaluate(() => document.getElementById('verdict').getBoundingClientRect().bottom);
  await page.waitForFunction(() => document.querySelectorAll('.plot svg path[d^="M"]').length > 0);
  await page.locator('.plot').first().focus();
  await page.keyboard.press('Home');
  told.cursor = await page.evaluate(() => document.querySelector('.head .quiet').textContent);
  for (const [width, scheme] of [[1280, 'light'], [390, 'light'], [1280, 'dark'], [390, 'dark']]) {
    const other = await open(browser, width, scheme);
    const seen = await other.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (seen > 0) told.overflows.push(`${scheme} ${width}: ${seen}`);
    const calm = await leastContrast(other);
    await other.evaluate(() => document.getElementById('verdict').classList.add('alarm'));
    told['contrast_' + scheme] = Math.min(calm, await leastContrast(other));
    await other.context().close();
  }
  // A daemon that hangs: its answers do not come, and then they come again.
  await page.route('**/stats.json', () => {});
  await page.waitForFunction(() => document.getElementById('judgement').textContent === 'No answer');
  await page.unrouteAll({behavior: 'ignoreErrors'});
  await page.waitForFunction(() => document.getElementById('judgement').textContent.startsWith('This cache'));
  told.answers_again = true;
  await browser.close();
  console.log(JSON.stringify(told));
})().catch(error => { console.log(JSON.stringify({failed: String(error)})); process.exit(1); });
