create table measured (number integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000)
  insert into measured select i, 'name ' || (i * 7919 % 200000), i * 1.5 from n;
create index by_name on measured (name);
select count(*), sum(length(name)) from measured where name like '%9%';
select substr(name, 1, 7), count(*) from measured group by 1 order by 2 desc limit 3;
update measured set value = value + 1 where number % 3 = 0;
select sum(product) from (select number * value product from measured order by name desc limit 50000);
