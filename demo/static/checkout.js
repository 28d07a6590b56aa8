// Posts the form and shows beside each field what nginx found wrong with it (RFC 9457). Without scripts the form works too.
'use strict';
const form = document.getElementById('checkout');
const problem = document.getElementById('problem');

function clear() {
  problem.hidden = true;
  for (const why of form.querySelectorAll('.why')) why.textContent = '';
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
}

function show(errors) {
  let first = null;
  for (const {field, detail} of errors) {
    const input = form.elements.namedItem(field || '');
    const why = document.getElementById(`${field}-why`);
    if (!input || !why) {
      problem.textContent = detail;
      problem.hidden = false;
      continue;
    }
    why.textContent = detail;
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-describedby', why.id);
    first = first || input;
  }
  if (first) first.focus();
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  clear();
  try {
    const answer = await fetch(form.action, {method: 'POST', body: new URLSearchParams(new FormData(form))});
    if (answer.ok) {
      window.location = answer.url;
    } else {
      const body = await answer.json();
      show(body.errors || [{detail: body.error || 'The payment was refused.'}]);
    }
  } catch {
    show([{detail: 'The shop could not be reached. Please try again.'}]);
  }
});
