// The history as a picture: a lane for each author, each object behind what it has seen. Circles are what people wrote,
// squares are rules; what does not count is crossed out; what is final is shaded.

const STEP = 30;
const LANE = 34;
const EDGE = 16;
const RADIUS = 8;
/** Who comes later shares the last lane. */
const LANES = 8;
/** How much of its way an object goes in one frame. */
const PACE = 0.22;

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Picture {
  #place;
  #canvas;
  #space;
  #rows = [];
  #at = new Map();
  /** Where each object is drawn now, on its way to where it belongs. */
  #drawn = new Map();
  #lanes = [];
  #finals = 0;
  #earlier = false;
  #selected;
  #colours = {};
  #frame = 0;
  #name = (author) => author;
  #colour = () => 0;

  /** `onSelect` is told the row that is selected, or nothing; `onStart` that the beginning of what is here is in sight. */
  constructor(place, { onSelect, onStart }) {
    this.#place = place;
    this.onSelect = onSelect;
    this.#canvas = place.querySelector("canvas");
    this.#space = place.querySelector("[data-space]");
    place.addEventListener("scroll", () => {
      this.#draw();
      if (place.scrollLeft < STEP * 4 && this.#earlier) onStart();
    }, { passive: true });
    place.addEventListener("keydown", (event) => this.#key(event));
    place.addEventListener("click", (event) => this.#click(event));
    place.addEventListener("mousemove", (event) => (place.style.cursor = this.#nearest(event) ? "pointer" : ""));
    new ResizeObserver(() => {
      this.#size();
      this.select(this.#selected, true);
    }).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => ((this.#colours = {}), this.#draw()));
  }

  get selected() {
    return this.#at.has(this.#selected) ? this.#rows[this.#at.get(this.#selected)] : undefined;
  }

  /** Shows these rows, which are the end of the order. */
  show({ rows, objects, name, colour }) {
    const first = this.#rows[0]?.id;
    const { scrollLeft, clientWidth, scrollWidth } = this.#place;
    const following = scrollLeft + clientWidth > scrollWidth - STEP * 2;
    this.#rows = rows;
    this.#earlier = rows.length < objects;
    this.#name = name;
    this.#colour = colour;
    this.#at = new Map(rows.map(({ id }, at) => [id, at]));
    this.#finals = rows.filter((row) => row.final).length;
    const authors = [...new Set(rows.map(({ author }) => author))];
    // Lanes stay where they are as long as their authors are in sight.
    this.#lanes = [...this.#lanes.filter((author) => authors.includes(author)), ...authors.filter((author) => !this.#lanes.includes(author))];
    for (const id of this.#drawn.keys()) if (!this.#at.has(id)) this.#drawn.delete(id);
    this.#size();
    // Earlier ones that were loaded push the rest to the right; the eye stays where it was.
    const pushed = (this.#at.get(first) ?? 0) * STEP;
    for (const drawn of this.#drawn.values()) drawn.x += pushed;
    this.#place.scrollLeft = following ? this.#place.scrollWidth : scrollLeft + pushed;
    this.#move();
  }

  select(id, quietly = false) {
    this.#selected = id;
    const at = this.#at.get(id);
    if (at !== undefined) {
      const [x, left] = [this.#x(at), this.#place.scrollLeft];
      if (x < left + this.#label() + STEP) this.#place.scrollLeft = x - this.#label() - STEP * 3;
      else if (x > left + this.#place.clientWidth - STEP) this.#place.scrollLeft = x - this.#place.clientWidth + STEP * 3;
    }
    this.#draw();
    if (!quietly) this.onSelect(this.selected);
  }

  #label() {
    return Math.min(110, Math.max(64, this.#place.clientWidth * 0.16));
  }

  #x(at) {
    return this.#label() + EDGE + STEP / 2 + at * STEP;
  }

  #lane(row) {
    return Math.min(this.#lanes.indexOf(row.author), LANES - 1);
  }

  #y(row) {
    return EDGE + LANE / 2 + this.#lane(row) * LANE;
  }

  #size() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.#place.clientWidth, EDGE * 2 + Math.max(1, Math.min(this.#lanes.length, LANES)) * LANE];
    this.#space.style.width = `${this.#x(this.#rows.length) + EDGE}px`;
    const canvas = this.#canvas;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.#draw();
  }

  /** Lets objects go where they belong. */
  #move() {
    cancelAnimationFrame(this.#frame);
    let moving = false;
    const pace = still.matches ? 1 : PACE;
    this.#rows.forEach((row, at) => {
      const [x, y] = [this.#x(at), this.#y(row)];
      const drawn = this.#drawn.get(row.id);
      if (!drawn) {
        // What comes while one looks grows; the first picture simply stands.
        this.#drawn.set(row.id, { x, y, size: this.#drawn.size && !still.matches ? 0.2 : 1 });
        moving = true;
        return;
      }
      drawn.x += (x - drawn.x) * pace;
      drawn.y += (y - drawn.y) * pace;
      drawn.size += (1 - drawn.size) * pace;
      if (Math.abs(x - drawn.x) + Math.abs(y - drawn.y) + Math.abs(1 - drawn.size) < 0.2) Object.assign(drawn, { x, y, size: 1 });
      else moving = true;
    });
    this.#draw();
    if (moving) this.#frame = requestAnimationFrame(() => this.#move());
  }

  #of(name) {
    this.#colours[name] ??= (() => {
      this.#canvas.style.color = `var(--${name})`;
      return getComputedStyle(this.#canvas).color;
    })();
    return this.#colours[name];
  }

  #draw() {
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    const ratio = devicePixelRatio || 1;
    const [width, height, left] = [this.#canvas.width / ratio, this.#canvas.height / ratio, this.#place.scrollLeft];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.save();
    context.translate(-left, 0);
    const seen = (x) => x > left - STEP && x < left + width + STEP;

    if (this.#finals) {
      const end = this.#x(this.#finals - 1) + STEP / 2;
      context.fillStyle = this.#of("final");
      context.fillRect(0, 0, end, height);
      context.fillStyle = this.#of("faint");
      context.font = "11px system-ui, sans-serif";
      context.textAlign = "right";
      context.fillText("final", end - 5, height - 5);
    }
    context.strokeStyle = this.#of("line");
    context.lineWidth = 1;
    for (let lane = 0; lane < Math.min(this.#lanes.length, LANES); lane++) {
      const y = EDGE + LANE / 2 + lane * LANE;
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(left + width, y);
      context.stroke();
    }

    for (const row of this.#rows) {
      const to = this.#drawn.get(row.id);
      if (!to) continue;
      for (const parent of row.parents) {
        const from = this.#drawn.get(parent) ?? { x: this.#label(), y: to.y };
        if (to.x < left || from.x > left + width) continue;
        const near = row.id === this.#selected || parent === this.#selected;
        context.strokeStyle = this.#of(near ? "accent" : "edge");
        context.lineWidth = near ? 2.5 : 1.5;
        context.beginPath();
        context.moveTo(from.x, from.y);
        const bend = Math.min(40, (to.x - from.x) / 2);
        context.bezierCurveTo(from.x + bend, from.y, to.x - bend, to.y, to.x, to.y);
        context.stroke();
      }
    }
    for (const row of this.#rows) {
      const drawn = this.#drawn.get(row.id);
      if (drawn && seen(drawn.x)) this.#object(context, row, drawn);
    }
    context.restore();
    this.#names(context, height);
  }

  #object(context, row, { x, y, size }) {
    const [radius, crossed] = [RADIUS * size, !row.effective && !row.adoptedBy];
    const rule = row.type.startsWith("streams/");
    context.beginPath();
    if (rule) context.roundRect(x - radius, y - radius, radius * 2, radius * 2, 3);
    else context.arc(x, y, radius, 0, 7);
    context.fillStyle = this.#of("paper");
    context.fill();
    if (crossed) {
      context.lineWidth = 2;
      context.strokeStyle = this.#of("void");
      context.stroke();
      const arm = radius * 1.25;
      context.beginPath();
      context.moveTo(x - arm, y - arm);
      context.lineTo(x + arm, y + arm);
      context.moveTo(x + arm, y - arm);
      context.lineTo(x - arm, y + arm);
      context.stroke();
    } else {
      context.fillStyle = this.#of(`author-${this.#colour(row.author)}`);
      context.fill();
      if (row.adoptedBy) {
        context.lineWidth = 2;
        context.strokeStyle = this.#of("void");
        context.stroke();
      }
    }
    if (row.id !== this.#selected) return;
    context.beginPath();
    context.arc(x, y, RADIUS + 5, 0, 7);
    context.lineWidth = 2.5;
    context.strokeStyle = this.#of("accent");
    context.stroke();
  }

  /** The names stand still, in front of what passes below them. */
  #names(context, height) {
    const label = this.#label();
    const shade = context.createLinearGradient(0, 0, label + EDGE, 0);
    shade.addColorStop(0, this.#of("card"));
    shade.addColorStop(0.85, this.#of("card"));
    shade.addColorStop(1, this.#of("card-clear"));
    context.fillStyle = shade;
    context.fillRect(0, 0, label + EDGE, height);
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.font = "600 13px system-ui, sans-serif";
    this.#lanes.slice(0, LANES).forEach((author, lane) => {
      const y = EDGE + LANE / 2 + lane * LANE;
      const others = lane === LANES - 1 && this.#lanes.length > LANES;
      context.fillStyle = this.#of(others ? "faint" : `author-${this.#colour(author)}`);
      let text = others ? `and ${this.#lanes.length - LANES + 1} more` : this.#name(author);
      while (text.length > 2 && context.measureText(text).width > label - 8) text = `${text.slice(0, -2)}…`;
      context.fillText(text, 14, y);
    });
    context.textBaseline = "alphabetic";
  }

  #nearest({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [clientX - box.left + this.#place.scrollLeft, clientY - box.top];
    if (clientX - box.left < this.#label()) return undefined;
    const at = Math.round((x - this.#x(0)) / STEP);
    return [at, at - 1, at + 1].map((at) => this.#rows[at]).find((row) => row && Math.hypot(this.#x(this.#at.get(row.id)) - x, this.#y(row) - y) < 17);
  }

  #click(event) {
    this.select(this.#nearest(event)?.id);
  }

  #key(event) {
    const at = this.#at.get(this.#selected);
    const last = this.#rows.length - 1;
    const row = this.#rows[at];
    const inLane = (step) => {
      const lane = this.#lane(row) + step;
      const near = this.#rows.map((other, place) => [Math.abs(place - at), other]).filter(([, other]) => this.#lane(other) === lane);
      return near.sort(([one], [other]) => one - other)[0]?.[1].id;
    };
    const to = {
      ArrowLeft: () => this.#rows[at === undefined ? last : Math.max(0, at - 1)]?.id,
      ArrowRight: () => this.#rows[at === undefined ? last : Math.min(last, at + 1)]?.id,
      ArrowUp: () => row && inLane(-1),
      ArrowDown: () => row && inLane(1),
      Home: () => this.#rows[0]?.id,
      End: () => this.#rows[last]?.id,
      Escape: () => null,
    }[event.key];
    if (!to || event.metaKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const id = to();
    if (id !== undefined) this.select(id ?? undefined);
  }
}
